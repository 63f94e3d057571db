// SPDX-License-Identifier: Apache-2.0
// Words of the reaper for people, on standard error. A reader who does not
// read is not waited for: what does not go at once is dropped. Whatever names
// and arguments are in them, a line is one line and moves no cursor.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <string_view>

#include "core/error.h"
#include "core/text.h"

namespace reaper {

using Sentence = core::Text<400>;
/// A sentence as it is shown: each byte may be \xNN.
using Line = core::Text<4 * 400 + 20>;

/// The program's own name; each has its own (main.cc, instance.cc).
// NOLINTNEXTLINE(bugprone-dynamic-static-initializers): they are literals
extern const char* const kOwnName;

/// Writes "corral-init: TEXT", or what the program is called, and a newline.
inline void say(std::string_view text) {
  pollfd poll = {.fd = STDERR_FILENO, .events = POLLOUT, .revents = 0};
  if (::poll(&poll, 1, 0) != 1 || (poll.revents & POLLOUT) == 0) return;
  Line line(kOwnName);
  line.append(": ").append_printable(text).append_char('\n');
  // At most PIPE_BUF bytes: a pipe that is ready takes them whole.
  (void)!::write(STDERR_FILENO, line.c_str(), line.size());
}

inline void say(const char* text) {
  say(std::string_view(text));
}

inline void say(const core::Error& error) {
  say(error.message().view());
}

}  // namespace reaper
