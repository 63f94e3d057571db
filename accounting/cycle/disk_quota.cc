// SPDX-License-Identifier: Apache-2.0
#include "accounting/cycle/disk_quota.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>

#include "sys/unique_fd.h"
#include "sys/user_quotas.h"

namespace accounting {

namespace {

constexpr std::uint64_t kBlock = 512;

std::unexpected<Stop> no_quotas(const std::string& folder, int code) {
  if (code != ESRCH && code != ENOSYS && code != EINVAL && code != ENOTTY)
    return stop(
        "The quotas of the file system of '" + folder + "' cannot be read.",
        code);
  return stop(
      "The file system of '" + folder +
      "' keeps no quotas of users, expected one that does: ext4 by 'tune2fs -O "
      "quota DEVICE' while it is not mounted, xfs by the mount option "
      "'uquota'. Without -q dodisk walks through it.");
}

}  // namespace

Outcome<void> add_quotas(const std::string& folder, DiskUse& use,
                         std::set<dev_t>& counted) {
  const auto fd =
      sys::open_at(AT_FDCWD, folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOCTTY);
  if (!fd) return stop("'" + folder + "' cannot be opened.", fd.error().code);
  struct stat status = {};
  if (::fstat(fd->get(), &status) < 0)
    return stop("'" + folder + "' cannot be looked at.", errno);
  if (!counted.insert(status.st_dev).second) return {};
  const auto read = sys::for_each_user_quota(
      fd->get(), [&use](std::uint32_t uid, std::uint64_t bytes) {
        use.charge(uid, (bytes + kBlock - 1) / kBlock);
      });
  if (!read) return no_quotas(folder, read.error().code);
  return {};
}

}  // namespace accounting
