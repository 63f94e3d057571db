// SPDX-License-Identifier: Apache-2.0
#include "accounting/settled_end.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace accounting {

namespace {

constexpr int kMostLooks = 50;
constexpr long kPause = 1'000'000;  // ns

/// The end between two write(2): to say where there is a hole the file system
/// waits for who writes, and what ends a file is one. Its size where there is a
/// real one, or none can be told.
core::Result<std::uint64_t> end_between_writes(int fd) {
  struct stat status = {};
  if (::fstat(fd, &status) < 0) return core::fail(errno, "fstat");
  if (status.st_size == 0) return 0;
  // The offset may be shared with others, who read by it.
  const off_t before = ::lseek(fd, 0, SEEK_CUR);
  const off_t end = ::lseek(fd, status.st_size - 1, SEEK_HOLE);
  if (before >= 0) (void)::lseek(fd, before, SEEK_SET);
  return static_cast<std::uint64_t>(end > status.st_size ? end
                                                         : status.st_size);
}

/// Does somebody hold the lock of all who append (accounting/append.h)?
bool has_writer_inside(int fd) {
  struct flock lock = {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the system call is so
  const int result = ::fcntl(fd, F_OFD_GETLK, &lock);
  return result == 0 && lock.l_type != F_UNLCK;
}

}  // namespace

/// It looks again after a pause: to wait for the lock would be to hold it up.
core::Result<std::uint64_t> settled_end(int fd) {
  for (int i = 0; i < kMostLooks; ++i) {
    const std::uint64_t end = TRY(end_between_writes(fd));
    if (!has_writer_inside(fd) && TRY(end_between_writes(fd)) == end)
      return end;
    const timespec pause = {.tv_sec = 0, .tv_nsec = kPause};
    (void)::nanosleep(&pause, nullptr);
  }
  return end_between_writes(fd);
}

}  // namespace accounting
