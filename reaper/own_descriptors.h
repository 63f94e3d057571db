// SPDX-License-Identifier: Apache-2.0
// Our descriptors beside the command's. The command gets all that the
// caller gave, at the same numbers, and none of ours; we keep of the caller's
// only standard error, so that a pipe ends when the command's side ends it.
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/directory.h"
#include "sys/unique_fd.h"

namespace reaper {

/// Something that can be neither read nor written, close-on-exec. It stands in
/// for what is closed, so that none of our own descriptors gets its number.
inline sys::UniqueFd make_placeholder() {
  // Without O_PATH's rights every use of it fails as on a closed one: EBADF.
  auto fd = sys::open_at(AT_FDCWD, "/", O_PATH);
  return fd ? std::move(*fd) : sys::UniqueFd();
}

/// Occupies 0, 1 and 2 where they are closed. The command still gets them
/// closed: placeholders close on exec.
inline void occupy_standard_numbers() {
  for (int number = 0; number <= 2; ++number) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the call is so
    if (::fcntl(number, F_GETFD) >= 0) continue;
    sys::UniqueFd placeholder = make_placeholder();
    if (placeholder.get() == number) (void)placeholder.release();
  }
}

/// Takes over a descriptor that was passed to us by number: the command is not
/// to have it.
inline sys::UniqueFd take_passed(int number) {
  if (number < 0) return {};
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the system call is so
  const int fd = number > 2 ? number : ::fcntl(number, F_DUPFD_CLOEXEC, 3);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the system call is so
  if (fd < 0 || ::fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) return {};
  return sys::UniqueFd(fd);
}

/// Whether the caller has locked the file with F_SETLK (fcntl(2)): the lock is
/// this process's, and ends when it closes any descriptor of the file.
inline bool is_locked_by_caller(int number) {
  struct flock lock = {};
  lock.l_type = F_WRLCK;  // all of it
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the system call is so
  return ::fcntl(number, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK &&
         lock.l_pid == ::getpid();
}

/// Closes every descriptor from 3 on that the command has too, lets go of
/// standard input and output, and of the working directory, whose mount it
/// would hold. Ours are those that close on exec. What the caller has locked
/// stays open: who runs a command under a lock means it to last as long.
inline void let_go_of_callers() {
  (void)!::chdir("/");
  if (const sys::UniqueFd placeholder = make_placeholder();
      placeholder.is_open()) {
    for (int number = STDIN_FILENO; number <= STDOUT_FILENO; ++number)
      if (!is_locked_by_caller(number))
        (void)::syscall(SYS_dup3, placeholder.get(), number, O_CLOEXEC);
  }
  // Without /proc they stay open.
  (void)sys::for_each_entry(
      AT_FDCWD, "/proc/self/fd", [](const sys::DirectoryEntry& entry) {
        const int number = sys::number_of(entry.name);
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the call is so
        const int flags = number > 2 ? ::fcntl(number, F_GETFD) : -1;
        if (flags >= 0 && (flags & FD_CLOEXEC) == 0 &&
            !is_locked_by_caller(number))
          (void)::close(number);
      });
}

}  // namespace reaper
