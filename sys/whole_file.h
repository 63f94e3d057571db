// SPDX-License-Identifier: Apache-2.0
// A file of configuration as one text.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string>

#include "core/error.h"
#include "core/try.h"
#include "sys/unique_fd.h"

namespace sys {

/// Of an open file. Errors: those of fstat(2) and read(2); EINVAL for what is
/// no regular file, EFBIG beyond `most` bytes, EAGAIN for one that is being
/// written.
[[nodiscard]] inline core::Result<std::string> read_whole(
    const UniqueFd& fd, const std::string& path, std::size_t most) {
  struct stat status = {};
  if (::fstat(fd.get(), &status) < 0) return core::fail(errno, "fstat", path);
  if (!S_ISREG(status.st_mode))
    return core::fail(EINVAL, "read as a regular file", path);
  std::string text;
  for (;;) {
    const std::size_t used = text.size();
    text.resize(used + 16384);
    const ssize_t got = ::read(fd.get(), text.data() + used, 16384);
    if (got < 0) return core::fail(errno, "read", path);
    text.resize(used + static_cast<std::size_t>(got));
    if (text.size() > most) return core::fail(EFBIG, "read", path);
    if (got == 0) break;
  }
  struct stat after = {};
  if (::fstat(fd.get(), &after) < 0) return core::fail(errno, "fstat", path);
  const bool is_same = after.st_mtim.tv_sec == status.st_mtim.tv_sec &&
                       after.st_mtim.tv_nsec == status.st_mtim.tv_nsec &&
                       static_cast<std::size_t>(after.st_size) == text.size();
  if (!is_same) return core::fail(EAGAIN, "read while it is written", path);
  return text;
}

/// Errors: also those of open(2).
[[nodiscard]] inline core::Result<std::string> read_whole_file(
    const std::string& path, std::size_t most) {
  const UniqueFd fd =
      TRY(open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_NONBLOCK));
  return read_whole(fd, path, most);
}

/// Whether something stands there, also a link that leads nowhere, which
/// read_whole_file() calls ENOENT.
[[nodiscard]] inline bool is_there(const std::string& path) {
  struct stat status = {};
  return ::lstat(path.c_str(), &status) == 0 || errno != ENOENT;
}

}  // namespace sys
