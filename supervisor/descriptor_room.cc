// SPDX-License-Identifier: Apache-2.0
#include "supervisor/descriptor_room.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <iterator>
#include <system_error>

namespace supervisor {

namespace {

/// At most, of one job: while it is launched.
constexpr std::size_t kOfOneJob = 6;
constexpr std::size_t kOfTheInstance = 128;  ///< sockets, workers, clients

constexpr const char* kTable = "/proc/self/fd";

/// The directory's size is their number since Linux 6.2 (proc_pid_fd(5));
/// before they are counted. As many as may be if nobody tells.
std::size_t count_taken(std::size_t limit) {
  struct stat status = {};
  if (::stat(kTable, &status) < 0) return limit;
  if (status.st_size > 0) return static_cast<std::size_t>(status.st_size);
  std::error_code failed;
  const auto entries = std::filesystem::directory_iterator(kTable, failed);
  if (failed) return limit;
  return static_cast<std::size_t>(
      std::distance(begin(entries), std::filesystem::directory_iterator()));
}

}  // namespace

DescriptorRoom DescriptorRoom::of_process() {
  rlimit bound = {};
  if (::getrlimit(RLIMIT_NOFILE, &bound) < 0) bound.rlim_cur = 1024;
  return DescriptorRoom(bound.rlim_cur);
}

bool DescriptorRoom::has_room(std::size_t live, std::size_t starting) const {
  const std::size_t usable = limit_ - limit_ / 4;
  if (kOfTheInstance + live * kOfOneJob < usable) return true;
  return count_taken(limit_) + starting * kOfOneJob < usable;
}

}  // namespace supervisor
