// SPDX-License-Identifier: Apache-2.0
// Why something ended that was not expected to: one line each, for people.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <string_view>

#include "core/error.h"
#include "core/ids.h"
#include "core/job_result.h"
#include "core/quantity.h"
#include "core/text.h"
#include "reaper/reap.h"
#include "reaper/say.h"
#include "reaper/sweep.h"
#include "sys/proc_files.h"
#include "sys/unique_fd.h"

namespace reaper {

/// The Kubernetes convention: what is in this file tells why a container ended.
inline constexpr const char* kTerminationLog = "/dev/termination-log";

/// The name of a zombie; empty: it is none any more, or cannot be read.
[[nodiscard]] inline core::Text<16> name_of(const DeadChild& child) {
  if (!child.is_zombie) return {};
  const auto stat = sys::read_proc_stat(child.pid);
  return stat ? core::Text<16>(stat->name()) : core::Text<16>();
}

/// "'server' (pid 7) was ended by SIGSEGV and dumped core"; "a process (pid 7)"
/// if its name cannot be told.
[[nodiscard]] inline Sentence end_words(std::string_view name, core::Pid pid,
                                        const core::JobResult& result) {
  const bool is_named = !name.empty();
  Sentence text(is_named ? "'" : "a process");
  text.append(name).append(is_named ? "' (pid " : " (pid ");
  text.append_number(pid.raw()).append(") ");
  return text.append(core::sentence_of(result).view());
}

namespace detail {

inline void append_survivors(Sentence& text, const Survivors& survivors) {
  text.append_unsigned(survivors.count);
  text.append(survivors.count == 1 ? " process" : " processes");
  if (!survivors.names.empty())
    text.append(" (").append(survivors.names.view()).append(")");
}

}  // namespace detail

/// "the command left 2 processes (sleep, sleep) behind; ending them".
[[nodiscard]] inline Sentence left_words(const Survivors& survivors) {
  Sentence text("the command left ");
  detail::append_survivors(text, survivors);
  return text.append(" behind; ending them");
}

/// "killed 1 process (server) that did not end within 8.000 s".
[[nodiscard]] inline Sentence killed_words(const Survivors& survivors,
                                           core::Microseconds grace) {
  Sentence text("killed ");
  detail::append_survivors(text, survivors);
  text.append(" that did not end within ");
  return text.append(core::seconds_text(grace.raw()).view());
}

/// "no process named 'server' was seen to end; exiting with 125".
[[nodiscard]] inline Sentence unseen_words(const char* name) {
  Sentence text("no process named '");
  text.append(name).append("' was seen to end; exiting with 125");
  return text;
}

/// Writes into `path`, or by convention into kTerminationLog if it is there
/// and the command has said nothing itself. Kubernetes reads 4096 bytes. A
/// `path` that cannot be written is told.
inline void leave_last_words(const char* path, std::string_view words) {
  const int flags = path != nullptr ? O_WRONLY | O_CREAT | O_TRUNC : O_WRONLY;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the system call is so
  const sys::UniqueFd file(::open(path != nullptr ? path : kTerminationLog,
                                  flags | O_CLOEXEC | O_NONBLOCK, 0644));
  struct stat status = {};
  if (path == nullptr && (!file.is_open() || ::fstat(file.get(), &status) < 0 ||
                          !S_ISREG(status.st_mode) || status.st_size != 0))
    return;
  Line line;
  line.append_printable(words).append_char('\n');
  const bool is_left =
      file.is_open() && ::write(file.get(), line.c_str(), line.size()) >= 0;
  if (!is_left && path != nullptr)
    say(core::Error{.code = errno,
                    .op = "cannot write the last words to",
                    .subject = path});
}

}  // namespace reaper
