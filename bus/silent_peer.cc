// SPDX-License-Identifier: Apache-2.0
#include "bus/silent_peer.h"

#include <sys/socket.h>

#include "sys/proc_files.h"

namespace bus {

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
};
// NOLINTEND(modernize-use-designated-initializers)

std::string_view words_of(char state) {
  for (const StateRow& row : kStates)
    if (row.state == state) return row.words;
  return "it runs, but is busy or frozen";
}

}  // namespace

core::Pid listener_of(int socket) {
  ucred who = {};
  socklen_t size = sizeof who;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0) return {};
  return core::Pid(who.pid);
}

std::string describe_silence(std::string_view path, core::Pid listener) {
  std::string text = "the supervisor at '";
  text.append(path).append("' ");
  if (listener.raw() <= 0)
    return text + "does not answer; its process is not in this pid namespace";
  const std::string pid = std::to_string(listener.raw());
  text += "(process " + pid + ") does not answer: ";
  const auto stat = sys::read_proc_stat(listener);
  const char state = stat ? stat->state : 'X';
  text += words_of(state);
  if (state == 'T') text += "; 'kill -CONT " + pid + "' lets it go on";
  return text;
}

}  // namespace bus
