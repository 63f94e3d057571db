// SPDX-License-Identifier: Apache-2.0
#include "accounting/cycle/switched_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "accounting/append.h"
#include "accounting/csa_layout.h"
#include "accounting/next_file.h"
#include "accounting/recovery.h"
#include "accounting/text/account_names.h"
#include "sys/clock.h"

namespace accounting {

namespace {

constexpr mode_t kMode = 0664;              // as csaswitch makes it
constexpr std::uint64_t kSecond = 1000000;  // usec
constexpr const char kOwner[] = "csaacct";

template <std::size_t N>
void copy_name(char (&to)[N], const char* from) {
  std::memcpy(to, from, ::strnlen(from, N - 1));  // `to` is zero before
}

/// What a file begins with that follows another one. It bears no mark of an
/// append: it is one record, and none of an instance's.
csa::Configuration file_record() {
  csa::Configuration record = {};
  record.head = csa::make_head(csa::RecordType::kConfiguration, sizeof record);
  record.kdmask = 1;  // records of processes
  record.rmask = csa::kHasMem | csa::kHasIo;
  record.event = static_cast<std::uint8_t>(csa::ConfigurationEvent::kFile);
  const core::Moment now = sys::now();
  record.curtime = static_cast<std::int64_t>(now.real.raw() / kSecond);
  record.boottime = std::max<std::int64_t>(
      1,
      static_cast<std::int64_t>((now.real.raw() - now.boot.raw()) / kSecond));
  utsname system = {};
  if (::uname(&system) < 0) return record;
  copy_name(record.name.sysname, system.sysname);
  copy_name(record.name.nodename, system.nodename);
  copy_name(record.name.release, system.release);
  copy_name(record.name.version, system.version);
  copy_name(record.name.machine, system.machine);
  return record;
}

}  // namespace

Outcome<void> begin_next(const Places& places, const std::string& path) {
  const std::string folder = folder_of(path);
  const auto file =
      sys::open_at(AT_FDCWD, folder.c_str(), O_TMPFILE | O_RDWR, kMode);
  // Where a file cannot be made without a name, the writer makes it.
  if (!file) return {};
  const auto owner = AccountNames::uid_of(kOwner);
  if (::geteuid() == 0 && owner) (void)::fchown(file->get(), *owner, -1U);
  give_to_group(places, file->get());
  (void)::fchmod(file->get(), kMode);
  keep_rights(file->get(), path);
  const csa::Configuration record = file_record();
  const auto written =
      append_whole(file->get(), std::as_bytes(std::span(&record, 1)));
  if (!written)
    return stop("An error occurred during the writing of file '" + path + "'.",
                written.error().code);
  const std::string open = "/proc/self/fd/" + std::to_string(file->get());
  if (::linkat(AT_FDCWD, open.c_str(), AT_FDCWD, path.c_str(),
               AT_SYMLINK_FOLLOW) < 0 &&
      errno != EEXIST)
    return stop("An error occurred creating file '" + path + "'.", errno);
  sync_folder(folder);
  return {};
}

Outcome<std::string> switch_file(const Places& places,
                                 const std::string& path) {
  const auto number = rename_to_next(path);
  if (!number)
    return stop("An error occurred renaming file '" + path + "'.",
                number.error().code);
  TRY(begin_next(places, path));
  return *number == 0 ? std::string() : path + std::to_string(*number);
}

bool has_writer(int file) {
  // Who opens the file while the lease is ours lets the kernel signal us.
  struct sigaction ignore = {};
  struct sigaction before = {};
  ignore.sa_handler = SIG_IGN;
  (void)::sigaction(SIGIO, &ignore, &before);
  // NOLINTBEGIN(cppcoreguidelines-pro-type-vararg): the call is so
  const int code = ::fcntl(file, F_SETLEASE, F_RDLCK) == 0 ? 0 : errno;
  if (code == 0) (void)::fcntl(file, F_SETLEASE, F_UNLCK);
  // NOLINTEND(cppcoreguidelines-pro-type-vararg)
  (void)::sigaction(SIGIO, &before, nullptr);
  if (code == 0 || code == EAGAIN) return code != 0;
  struct stat status = {};
  const auto booted = static_cast<std::int64_t>(
      (sys::real_now().raw() - sys::boot_now().raw()) / kSecond);
  return ::fstat(file, &status) < 0 || status.st_mtime >= booted;
}

std::string opening_record(const std::string& path) {
  const auto file = sys::open_at(AT_FDCWD, path.c_str(), O_RDONLY);
  csa::Configuration record = {};
  if (!file || ::pread(file->get(), &record, sizeof record, 0) !=
                   static_cast<ssize_t>(sizeof record))
    return {};
  const csa::Head& head = record.head;
  if (head.magic != csa::kMagic || head.size != sizeof record ||
      head.type != static_cast<std::uint8_t>(csa::RecordType::kConfiguration))
    return {};
  record.mark = 0;  // it stands alone now
  return {reinterpret_cast<const char*>(&record), sizeof record};
}

}  // namespace accounting
