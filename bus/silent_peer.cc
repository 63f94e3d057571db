// SPDX-License-Identifier: Apache-2.0
#include "bus/silent_peer.h"

#include <sys/socket.h>

#include "sys/silence.h"

namespace bus {

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

}  // namespace bus
