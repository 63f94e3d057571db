// SPDX-License-Identifier: Apache-2.0
// Files that say what root does: a configuration with names of programs and
// folders, or a script. As cron, sshd and sudo have it, such a file is not
// believed that somebody else than root may have written.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <string>

#include "core/error.h"
#include "core/printable.h"
#include "core/shell_word.h"
#include "core/try.h"
#include "sys/unique_fd.h"
#include "sys/whole_file.h"

namespace accounting {

/// Why root does not believe what is at `path`, and what mends it; empty: root
/// does, or this process is not root's, who believes what he chooses. The group
/// root (0) may write it: whoever is in it is root's own.
[[nodiscard]] inline std::string distrust_of(const std::string& path,
                                             const struct stat& status) {
  if (::geteuid() != 0) return {};
  const mode_t written_by_others =
      status.st_mode & (status.st_gid == 0 ? S_IWOTH : S_IWGRP | S_IWOTH);
  const std::string shown = core::printable(path);
  const std::string word = core::shell_word(path).value_or(shown);
  if (status.st_uid != 0)
    return "'" + shown + "' belongs to uid " + std::to_string(status.st_uid) +
           ", and root believes what is root's alone: 'chown root " + word +
           "'";
  if (written_by_others == 0) return {};
  constexpr mode_t kRights = 07777;
  char mode[8];
  (void)std::snprintf(mode, sizeof mode, "%04o", status.st_mode & kRights);
  return "'" + shown + "' has mode " + mode + ": " +
         ((status.st_mode & S_IWOTH) != 0
              ? std::string("everybody")
              : "group " + std::to_string(status.st_gid)) +
         " may write it, so root does not believe it: 'chmod go-w " + word +
         "'";
}

/// As read_whole_file(); EPERM with `distrust` where it is not believed. What
/// is read is what was looked at.
[[nodiscard]] inline core::Result<std::string> read_trusted_file(
    const std::string& path, std::size_t most, std::string& distrust) {
  const sys::UniqueFd fd =
      TRY(sys::open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_NONBLOCK));
  struct stat status = {};
  if (::fstat(fd.get(), &status) < 0) return core::fail(errno, "fstat", path);
  if (S_ISREG(status.st_mode)) distrust = distrust_of(path, status);
  if (!distrust.empty()) return core::fail(EPERM, "believe", path);
  return sys::read_whole(fd, path, most);
}

}  // namespace accounting
