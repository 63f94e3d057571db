// SPDX-License-Identifier: Apache-2.0
// The size of a file, by lseek(2): fstat(2) of musl is 800 bytes of the reaper.
// It moves the offset to the end, so it is for files that are mapped, appended
// to or read at given places.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "core/error.h"

namespace sys {

/// In bytes; 0 for what has no size, as a pipe. Errors: EBADF.
[[nodiscard]] inline core::Result<std::uint64_t> size_of(int fd) {
  const off_t size = ::lseek(fd, 0, SEEK_END);
  if (size >= 0) return static_cast<std::uint64_t>(size);
  if (errno == ESPIPE) return 0;
  return core::fail(errno, "lseek");
}

}  // namespace sys
