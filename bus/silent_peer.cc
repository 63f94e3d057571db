// SPDX-License-Identifier: Apache-2.0
#include "bus/silent_peer.h"

#include <signal.h>
#include <sys/socket.h>

#include <cerrno>

#include "sys/instance_lock.h"
#include "sys/proc_files.h"
#include "sys/process_tree.h"

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
  if (const auto stat = sys::read_proc_stat(pid)) return stat->state;
  return ::kill(pid.raw(), 0) < 0 && errno == ESRCH ? 'X' : '?';
}

/// As far as the lock of its instance can be read; 0: not.
core::Pid supervisor_at(const std::string& path) {
  const core::Pid reaper = sys::reaper_of(path);
  if (reaper.raw() <= 0) return {};
  for (const core::Pid pid : sys::descendants_of(reaper)) {
    const auto stat = sys::read_proc_stat(pid);
    if (stat && stat->ppid == reaper.raw() && stat->name() == "corrald")
      return pid;
  }
  return {};
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
  const char state = state_of(listener);
  text += words_of(state);
  if (state == 'T') text += "; 'kill -CONT " + pid + "' lets it go on";
  return text;
}

std::string describe_full_queue(const std::string& path) {
  const core::Pid supervisor = supervisor_at(path);
  if (supervisor.raw() > 0) return describe_silence(path, supervisor);
  return "the supervisor at '" + path +
         "' does not answer: the queue of its socket is full";
}

}  // namespace bus
