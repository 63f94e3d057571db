// SPDX-License-Identifier: Apache-2.0
// UniqueFd owns a descriptor. Move-only; a move assignment closes what it held.
// An `int` parameter borrows for the call, a UniqueFd by value is given.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/error.h"
#include "core/handle.h"

namespace sys {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  explicit UniqueFd(core::Handle handle) : fd_(handle.release()) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void reset() {
    // close(2) is never retried: on Linux the number is free whatever it says.
    // NOLINTNEXTLINE(clang-analyzer-core.*): it loses sight of values in TRY
    if (fd_ >= 0) (void)::close(fd_);
    fd_ = -1;
  }
  [[nodiscard]] core::Handle to_handle() && {
    return {release(), [](int fd) { (void)::close(fd); }};
  }

  /// See sys::duplicate().
  [[nodiscard]] core::Result<UniqueFd> duplicate() const;

 private:
  int fd_ = -1;
};

/// Another number for the same description, close-on-exec.
[[nodiscard]] inline core::Result<UniqueFd> duplicate(int fd) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the system call is so
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return core::fail(errno, "fcntl(F_DUPFD_CLOEXEC)");
  return UniqueFd(copy);
}

inline core::Result<UniqueFd> UniqueFd::duplicate() const {
  return sys::duplicate(fd_);
}

/// openat(2) with O_CLOEXEC; `path` must end with a NUL byte.
[[nodiscard]] inline core::Result<UniqueFd> open_at(int directory,
                                                    const char* path, int flags,
                                                    mode_t mode = 0) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the system call is so
  const int fd = ::openat(directory, path, flags | O_CLOEXEC, mode);
  if (fd < 0) return core::fail(errno, "open", path);
  return UniqueFd(fd);
}

}  // namespace sys
