// SPDX-License-Identifier: Apache-2.0
// Small files of the kernel (/proc, cgroup v2) as texts. Header only and
// allocation free.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <span>
#include <string_view>

#include "core/error.h"
#include "sys/unique_fd.h"

namespace sys {

/// The text of a file below `directory`, as far as `buffer` reaches. `path`
/// must end with a NUL byte. One read: the kernel gives these files in one
/// piece (single_open(), seq_file.rst), and of a list as many whole lines as
/// fit.
[[nodiscard]] inline core::Result<std::string_view> read_small_file_at(
    int directory, const char* path, std::span<char> buffer) {
  const UniqueFd fd = TRY(open_at(directory, path, O_RDONLY));
  const ssize_t got = ::read(fd.get(), buffer.data(), buffer.size());
  if (got < 0) return core::fail(errno, "read", path);
  return std::string_view(buffer.data(), static_cast<std::size_t>(got));
}

/// Likewise of an absolute path.
[[nodiscard]] inline core::Result<std::string_view> read_small_file(
    const char* path, std::span<char> buffer) {
  return read_small_file_at(AT_FDCWD, path, buffer);
}

}  // namespace sys
