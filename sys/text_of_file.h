// SPDX-License-Identifier: Apache-2.0
// A file of the kernel of any length as a text, where sys/read_file.h's one
// read is not enough: lists of mounts, say.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "sys/unique_fd.h"

namespace sys {

/// Empty if it cannot be read. Files of /proc do not tell their size.
[[nodiscard]] inline std::string text_of_file(const char* path) {
  std::string text;
  const auto file = open_at(AT_FDCWD, path, O_RDONLY);
  if (!file) return text;
  char buffer[4096];
  for (;;) {
    const ssize_t size = ::read(file->get(), buffer, sizeof buffer);
    if (size <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(size));
  }
}

}  // namespace sys
