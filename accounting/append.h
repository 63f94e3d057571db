// SPDX-License-Identifier: Apache-2.0
// Appending to an accounting file that others append to as well. Header-only
// and allocation free: the scope in the reaper's binary and the supervisor's
// scribe use the same.
//
// Whoever appends holds the file's lock, so that what was written in part can
// be taken back; but for append_soon(), whose torn write readers pass over. The
// file ends at the end of a whole append, or its writer was killed in the
// middle of one, which the next scribe repairs (accounting/recovery.h).
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <span>
#include <utility>

#include "accounting/csa_layout.h"
#include "core/error.h"
#include "sys/file_size.h"
#include "sys/unique_fd.h"

namespace accounting {

/// The lock of all who append, until it is destroyed. It is an open file
/// description lock (fcntl(2)) and not flock(2), for which one may only read
/// the file: a lock for reading is nobody's who appends, and holds nobody up.
class FileLock {
 public:
  /// `fd` is open for writing. Waits for who else appends; not for who holds a
  /// lock for reading, beside which it is given without being one. Errors:
  /// those of fcntl(2).
  [[nodiscard]] static core::Result<FileLock> take(int fd) {
    // Not F_OFD_SETLKW: a reader may be let in before who waits.
    for (;;) {
      const int code = set(fd, F_OFD_SETLK, F_WRLCK);
      if (code == 0) return FileLock(fd);
      if (code != EAGAIN && code != EACCES) return core::fail(code, "lock");
      const short held = TRY(type_held(fd));
      if (held == F_RDLCK) return FileLock(-1);
      const timespec pause = {.tv_sec = 0, .tv_nsec = 1'000'000};
      if (held == F_WRLCK) (void)::nanosleep(&pause, nullptr);
    }
  }
  /// Does not wait. Error: EAGAIN when somebody else holds it.
  [[nodiscard]] static core::Result<FileLock> try_take(int fd) {
    if (const int code = set(fd, F_OFD_SETLK, F_WRLCK); code != 0)
      return core::fail(code, "lock");
    return FileLock(fd);
  }
  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&&) = delete;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock() {
    // A held lock can be given back. (The analyser does not see through
    // std::expected.)
    // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult)
    if (fd_ >= 0) (void)set(fd_, F_OFD_SETLK, F_UNLCK);
  }

 private:
  explicit FileLock(int fd) : fd_(fd) {}

  /// 0 or an errno value.
  static int set(int fd, int command, short type) {
    struct flock lock = {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;  // from 0, length 0: all of the file
    int result = 0;
    do {
      // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the call is so
      result = ::fcntl(fd, command, &lock);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? errno : 0;
  }
  /// Of what keeps us from writing; F_UNLCK: nothing any more.
  static core::Result<short> type_held(int fd) {
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the call is so
    if (::fcntl(fd, F_OFD_GETLK, &lock) < 0) return core::fail(errno, "lock");
    return lock.l_type;
  }

  int fd_;
};

// Why a file that could be opened is not appended to, beside errno values: two
// that nothing which opens or writes a regular file gives.
inline constexpr int kNotRegular = ESPIPE;
inline constexpr int kNotAccounting = EMEDIUMTYPE;

/// The words for an errno value or one of the two above.
[[nodiscard]] inline const char* words_of(int code) {
  if (code == kNotRegular)
    return "expected a regular file, found a pipe or a device";
  if (code == kNotAccounting)
    return "expected a pacct file, found other contents";
  return std::strerror(code);
}

/// 0 if records may be appended to the open file: it is a regular one and empty
/// or begins as a record of this machine's does; else why not. What may not be
/// read is believed. `status`: fstat(2)'s.
[[nodiscard]] inline int fault_of_file(int fd, struct stat& status) {
  if (::fstat(fd, &status) < 0) return errno;
  if (!S_ISREG(status.st_mode)) return kNotRegular;
  std::uint16_t head[2] = {};  // csa::Head's magic and revision
  const ssize_t size = ::pread(fd, head, sizeof head, 0);
  const bool is_head = head[0] == csa::kMagic && head[1] <= csa::kRevisionJob;
  return size <= 0 || is_head ? 0 : kNotAccounting;
}
[[nodiscard]] inline int fault_of_file(int fd) {
  struct stat status = {};
  return fault_of_file(fd, status);
}

/// Opens the file for appending, makes it if needed: 0664 as csaswitch does, or
/// for a user's own file 0600. It does not wait for the reader of a FIFO.
[[nodiscard]] inline core::Result<sys::UniqueFd> open_for_append(
    int directory, const char* path) {
  return sys::open_at(directory, path,
                      O_RDWR | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK,
                      ::geteuid() == 0 ? 0664 : 0600);
}

/// Appends all of `bytes` or none of them. The caller holds the FileLock.
/// Errors: ENOSPC, EDQUOT, EIO, EFBIG, EROFS.
[[nodiscard]] inline core::Result<void> append_whole(
    int fd, std::span<const std::byte> bytes) {
  const auto before = static_cast<off_t>(TRY(sys::size_of(fd)));
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
    if (written > 0 && ::ftruncate(fd, before) < 0)
      return core::fail(errno, "ftruncate");
    return core::fail(code, "write");
  }
  return {};
}

/// For those who cannot wait for a lock, as a scope that a stopped neighbour
/// may hold up: takes it if it is free, and appends by one write in any case.
/// Unlocked, it can at worst lose its record to another's undoing of a write
/// that a full disk cut short.
[[nodiscard]] inline core::Result<void> append_soon(
    int fd, std::span<const std::byte> bytes) {
  const auto lock = FileLock::try_take(fd);
  if (lock) return append_whole(fd, bytes);
  const ssize_t n = ::write(fd, bytes.data(), bytes.size());
  if (n == static_cast<ssize_t>(bytes.size())) return {};
  return core::fail(n < 0 ? errno : ENOSPC, "write");
}

}  // namespace accounting
