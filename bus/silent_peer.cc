// SPDX-License-Identifier: Apache-2.0
#include "bus/silent_peer.h"

#include <sys/socket.h>

#include "sys/instance_lock.h"
#include "sys/proc_files.h"
#include "sys/process_tree.h"
#include "sys/silence.h"

namespace bus {

namespace {

/// As far as the lock of its instance can be read; 0: not.
core::Pid supervisor_at(const std::string& path) {
  const core::Pid reaper = sys::living_reaper_of(path);
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
  return text + sys::describe_silence(listener);
}

std::string describe_full_queue(const std::string& path) {
  const core::Pid supervisor = supervisor_at(path);
  if (supervisor.raw() > 0) return describe_silence(path, supervisor);
  return "the supervisor at '" + path +
         "' does not answer: the queue of its socket is full";
}

}  // namespace bus
