// SPDX-License-Identifier: Apache-2.0
// Appending to an accounting file that others append to as well. Header-only
// and allocation free: the scope in the reaper's binary and the supervisor's
// scribe use the same.
//
// Invariant: whoever appends holds the file's lock (flock(2), LOCK_EX), so what
// was written in part can be taken back. The file ends at the end of a whole
// append, or its writer was killed in the middle of one, which the next scribe
// repairs (accounting/recovery.h).
#pragma once

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <span>

#include "core/error.h"
#include "sys/unique_fd.h"

namespace accounting {

/// flock(2), LOCK_EX, until it is destroyed. Waits for it.
class FileLock {
 public:
  [[nodiscard]] static core::Result<FileLock> take(int fd) {
    int result = 0;
    do {
      result = ::flock(fd, LOCK_EX);
    } while (result < 0 && errno == EINTR);
    if (result < 0) return core::fail(errno, "flock");
    return FileLock(fd);
  }
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock() {
    if (fd_ >= 0) (void)::flock(fd_, LOCK_UN);  // cannot fail on a held lock
  }

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

/// Opens the file for appending, makes it (0664, as csaswitch does) if needed.
[[nodiscard]] inline core::Result<sys::UniqueFd> open_for_append(
    int directory, const char* path) {
  return sys::open_at(directory, path, O_RDWR | O_APPEND | O_CREAT | O_NOCTTY,
                      0664);
}

/// Appends all of `bytes` or none of them. The caller holds the FileLock.
/// Errors: ENOSPC, EDQUOT, EIO, EFBIG, EROFS.
[[nodiscard]] inline core::Result<void> append_whole(
    int fd, std::span<const std::byte> bytes) {
  struct stat before = {};
  if (::fstat(fd, &before) < 0) return core::fail(errno, "fstat");
  std::size_t written = 0;
  while (written < bytes.size()) {
    const ssize_t n =
        ::write(fd, bytes.data() + written, bytes.size() - written);
    if (n > 0) {
      written += static_cast<std::size_t>(n);
      continue;
    }
    if (n < 0 && errno == EINTR) continue;
    const int code = n < 0 ? errno : EIO;
    if (written > 0 && ::ftruncate(fd, before.st_size) < 0)
      return core::fail(errno, "ftruncate");
    return core::fail(code, "write");
  }
  return {};
}

/// Takes the lock, appends, gives it back.
[[nodiscard]] inline core::Result<void> append_locked(
    int fd, std::span<const std::byte> bytes) {
  const FileLock lock = TRY(FileLock::take(fd));
  return append_whole(fd, bytes);
}

}  // namespace accounting
