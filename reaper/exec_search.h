// SPDX-License-Identifier: Apache-2.0
// execve(2) with the search that people expect of execvp(3), in a child that
// has no heap: a name without a slash is looked for in every directory of a
// given PATH, and a text without "#!" is a shell script. It returns only when
// it failed.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "core/text.h"
#include "sys/unique_fd.h"

namespace reaper {

/// What is a script, and which error counts. Ours: a file with a NUL byte in
/// its first line is none, and a name that is nowhere is ENOENT. The C
/// library's execvp(3): any file may be one, and the last error counts.
enum class ExecRules : std::uint8_t { kCareful, kOfLibrary };

namespace detail {

inline constexpr const char* kShell = "/bin/sh";

/// Whether a file that execve(2) would not have may be a script: the shell
/// itself makes the same test, a NUL byte in the first line is no text.
inline bool may_be_script(const char* path) {
  const auto file = sys::open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK);
  if (!file) return false;
  char buffer[128];
  const ssize_t size = ::read(file->get(), buffer, sizeof buffer);
  for (ssize_t i = 0; i < size && buffer[i] != '\n'; ++i)
    if (buffer[i] == '\0') return false;
  return size >= 0;
}

/// Tries one file. `argv[-1]` and `argv[0]` are overwritten for a script.
inline int execute(const char* path, char** argv, char** envp,
                   ExecRules rules) {
  (void)::execve(path, argv, envp);
  const int code = errno;
  if (code != ENOEXEC) return code;
  if (rules == ExecRules::kCareful && !may_be_script(path)) return code;
  char* const name = argv[0];
  argv[-1] = const_cast<char*>(kShell);  // execve does not write to it
  argv[0] = const_cast<char*>(path);
  (void)::execve(kShell, argv - 1, envp);
  argv[0] = name;
  return code;
}

/// Whether the search goes on after this error, as execvp(3) does.
inline bool searches_on(int code) {
  switch (code) {
    case ENOENT:
    case ENOTDIR:
    case EACCES:
    case ENAMETOOLONG:
    case ESTALE:
    case ENODEV:
    case ETIMEDOUT:
      return true;
    default:
      return false;
  }
}

}  // namespace detail

/// The PATH that a command is searched in; execvp(3) has a default too.
inline const char* search_path() {
  constexpr const char* kUsual = "/usr/local/bin:/bin:/usr/bin";
  const char* const path = ::getenv("PATH");
  return path != nullptr ? path : kUsual;
}

/// Becomes `argv[0]`, or returns the errno that describes best why not: EACCES
/// if something was found that may not be executed, else the last one.
/// `argv[-1]` must be writable. `search` is the value of PATH; null: argv[0]
/// is a path, whatever it looks like.
inline int execute_searching(char** argv, char** envp, const char* search,
                             ExecRules rules = ExecRules::kCareful) {
  const char* const name = argv[0];
  if (name[0] == '\0') return ENOENT;
  if (search == nullptr || std::strchr(name, '/') != nullptr)
    return detail::execute(name, argv, envp, rules);
  bool was_denied = false;
  for (const char* at = search;;) {
    const char* const colon = std::strchr(at, ':');
    const std::size_t size = colon != nullptr
                                 ? static_cast<std::size_t>(colon - at)
                                 : std::strlen(at);
    core::Text<4095> path(std::string_view(at, size));
    if (size > 0)
      path.append_char('/');  // an empty one is the directory itself
    path.append(name);
    const int code = path.was_cut()
                         ? ENAMETOOLONG
                         : detail::execute(path.c_str(), argv, envp, rules);
    if (!detail::searches_on(code)) return code;
    was_denied = was_denied || code == EACCES;
    if (colon == nullptr && was_denied) return EACCES;
    if (colon == nullptr) return rules == ExecRules::kCareful ? ENOENT : code;
    at = colon + 1;
  }
}

}  // namespace reaper
