// SPDX-License-Identifier: Apache-2.0
// A file without a name, in TMPDIR: nothing of it is left, whatever happens;
// and writing into it.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <span>
#include <string>

#include "core/error.h"
#include "sys/unique_fd.h"

namespace sys {

/// Open for reading and writing. Errors: those of open(2).
[[nodiscard]] inline core::Result<UniqueFd> nameless_file() {
  const char* const named = ::secure_getenv("TMPDIR");
  const std::string folder =
      named != nullptr && *named != '\0' ? named : "/tmp";
  UniqueFd file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file.is_open()) return file;
  std::string path = folder + "/corral-XXXXXX";
  file = UniqueFd(::mkostemp(path.data(), O_CLOEXEC));
  if (!file.is_open())
    return core::fail(errno, "create", std::string_view(path));
  ::unlink(path.c_str());
  return file;
}

/// Errors: those of write(2).
[[nodiscard]] inline core::Result<void> write_all(
    int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) return core::fail(errno, "write");
    if (n > 0) bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace sys
