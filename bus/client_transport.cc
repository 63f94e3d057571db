// SPDX-License-Identifier: Apache-2.0
#include "bus/client_transport.h"

#include <poll.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "sys/clock.h"

namespace bus {

namespace {

/// How long a connect(2) may wait for room in a listener's queue.
enum class Patience : char { kNone, kUntilDeadline };

core::Result<sys::UniqueFd> make_socket(Patience patience,
                                        core::Microseconds wait) {
  const int nonblock = patience == Patience::kNone ? SOCK_NONBLOCK : 0;
  sys::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | nonblock, 0));
  if (!fd.is_open()) return core::fail(errno, "socket");
  if (patience == Patience::kUntilDeadline) {
    // unix(7): SO_SNDTIMEO bounds connect(2) too. 0 would mean for ever.
    const std::uint64_t us = std::max<std::uint64_t>(wait.raw(), 1);
    const timeval time = {.tv_sec = static_cast<time_t>(us / 1000000),
                          .tv_usec = static_cast<suseconds_t>(us % 1000000)};
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
  }
  return fd;
}

core::Result<sys::UniqueFd> connect_with(const std::string& path,
                                         Patience patience,
                                         core::Microseconds wait = {}) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return core::fail(ENAMETOOLONG, "connect", path);
  (void)path.copy(address.sun_path, sizeof address.sun_path - 1);
  sys::UniqueFd fd = TRY(make_socket(patience, wait));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address),
                sizeof address) < 0)
    return core::fail(errno, "connect", path);
  return fd;
}

/// The longest existing directory on the way to `path`, watched for whatever
/// could make `path` connectable: a socket is moved or made there, or a
/// directory appears.
bool watch_nearest(int inotify, const std::string& path) {
  constexpr std::uint32_t kMask = IN_CREATE | IN_MOVED_TO | IN_ATTRIB |
                                  IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
  std::string directory = path;
  while (true) {
    const std::size_t slash = directory.find_last_of('/');
    directory.resize(slash == std::string::npos ? 0 : slash);
    const char* const name = directory.empty()
                                 ? (path.starts_with('/') ? "/" : ".")
                                 : directory.c_str();
    if (::inotify_add_watch(inotify, name, kMask) >= 0) return true;
    if (directory.empty()) return false;
  }
}

/// Waits for an event, or the deadline. The events themselves do not matter:
/// any of them means "try again".
void wait_for_event(int inotify, core::BootTime deadline) {
  const std::uint64_t left = (deadline - sys::boot_now()).raw() / 1000 + 1;
  pollfd watched = {.fd = inotify, .events = POLLIN, .revents = 0};
  (void)::poll(&watched, 1,
               static_cast<int>(std::min<std::uint64_t>(left, INT_MAX)));
  alignas(inotify_event) char events[4096];
  while (::read(inotify, events, sizeof events) > 0) {
  }
}

}  // namespace

core::Result<sys::UniqueFd> connect_private(const std::string& path) {
  return connect_with(path, Patience::kNone);
}

bool is_answering(const std::string& path) {
  const core::Result<sys::UniqueFd> fd = connect_private(path);
  // A full queue is somebody's.
  return fd.has_value() || fd.error().code == EAGAIN;
}

core::Result<sys::UniqueFd> await_private(const std::string& path,
                                          core::BootTime deadline) {
  const sys::UniqueFd inotify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify.is_open()) return core::fail(errno, "inotify_init");
  while (true) {
    // Watched first, tried second: nothing that happens in between is missed.
    const bool is_watched = watch_nearest(inotify.get(), path);
    core::Result<sys::UniqueFd> fd = connect_with(
        path, Patience::kUntilDeadline, deadline - sys::boot_now());
    if (fd) return fd;
    const int code = fd.error().code;
    if (code != ENOENT && code != ECONNREFUSED && code != ENOTDIR &&
        code != EAGAIN && code != EINTR)
      return fd;
    if (!is_watched) return fd;
    if (sys::boot_now() >= deadline)
      return core::fail(ETIMEDOUT, "connect", path);
    wait_for_event(inotify.get(), deadline);
  }
}

}  // namespace bus
