// SPDX-License-Identifier: Apache-2.0
// The entries of a directory by getdents64(2). Header only and allocation free.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "core/error.h"
#include "core/visitor.h"
#include "sys/unique_fd.h"

namespace sys {

struct DirectoryEntry {
  const char* name;
  unsigned char type;  ///< DT_DIR, ...
};

/// Calls `visit` for each entry of a directory, "." and ".." too. What comes or
/// goes meanwhile may be missed. `path` must end with a NUL byte.
[[nodiscard]] inline core::Result<void> for_each_entry(
    int directory, const char* path,
    core::Visitor<const DirectoryEntry&> visit) {
  const UniqueFd fd = TRY(open_at(directory, path, O_RDONLY | O_DIRECTORY));
  alignas(long) char buffer[2048];
  for (;;) {
    const long size =
        ::syscall(SYS_getdents64, fd.get(), buffer, sizeof buffer);
    if (size < 0) return core::fail(errno, "getdents64", path);
    if (size == 0) return {};
    for (long at = 0; at < size;) {
      // struct linux_dirent64: ino 8, off 8, reclen 2, type 1, name.
      std::uint16_t length = 0;
      std::memcpy(&length, buffer + at + 16, sizeof length);
      const auto type = static_cast<unsigned char>(buffer[at + 18]);
      visit({.name = buffer + at + 19, .type = type});
      at += length;
    }
  }
}

/// The number that is a name in /proc; 0 if it is none.
constexpr std::int32_t number_of(const char* name) {
  std::int32_t number = 0;
  for (; *name != '\0'; ++name) {
    if (*name < '0' || *name > '9' || number > 100000000) return 0;
    number = number * 10 + (*name - '0');
  }
  return number;
}

}  // namespace sys
