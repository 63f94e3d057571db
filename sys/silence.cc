// SPDX-License-Identifier: Apache-2.0
#include "sys/silence.h"

#include <signal.h>

#include <cerrno>
#include <string_view>

#include "sys/proc_files.h"

namespace sys {

namespace {

struct StateRow {
  char state;  ///< proc_pid_stat(5)
  std::string_view words;
};

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr StateRow kStates[] = {
    {'T', "it is stopped"},
    {'t', "it is stopped by who traces it"},
    {'D', "it waits for a device or a file system"},
    {'Z', "it has ended, and no other has taken its place"},
    {'X', "it has ended, and no other has taken its place"},
    {'?', "its state cannot be seen by you (/proc hides it)"},
};
// NOLINTEND(modernize-use-designated-initializers)

std::string_view words_of(char state) {
  for (const StateRow& row : kStates)
    if (row.state == state) return row.words;
  return "it runs, but is busy or frozen";
}

/// kill(2) tells of a process that /proc hides (hidepid, proc(5)).
char state_of(core::Pid pid) {
  if (const auto stat = read_proc_stat(pid)) return stat->state;
  return ::kill(pid.raw(), 0) < 0 && errno == ESRCH ? 'X' : '?';
}

}  // namespace

Silence silence_of(core::Pid pid) {
  const char state = state_of(pid);
  Silence silence{.why = std::string(words_of(state)), .fix = {}};
  if (state == 'T')
    silence.fix =
        "'kill -CONT " + std::to_string(pid.raw()) + "' lets it go on";
  return silence;
}

bool is_stopped(core::Pid pid) {
  const char state = state_of(pid);
  return pid.raw() > 0 && (state == 'T' || state == 't');
}

std::string describe_silence(core::Pid pid) {
  const Silence silence = silence_of(pid);
  std::string text = "(process " + std::to_string(pid.raw()) +
                     ") does not answer: " + silence.why;
  if (!silence.fix.empty()) text += "; " + silence.fix;
  return text;
}

}  // namespace sys
