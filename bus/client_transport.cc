// SPDX-License-Identifier: Apache-2.0
#include "bus/client_transport.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "bus/path_watch.h"
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

/// Waits for something to happen, or the deadline.
void wait_for_event(const PathWatch& watch, core::BootTime deadline) {
  const std::uint64_t left = (deadline - sys::boot_now()).raw() / 1000 + 1;
  pollfd watched = {.fd = watch.fd(), .events = POLLIN, .revents = 0};
  (void)::poll(&watched, 1,
               static_cast<int>(std::min<std::uint64_t>(left, INT_MAX)));
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
  PathWatch watch = TRY(PathWatch::make());
  while (true) {
    watch.drain();
    TRY(watch.arm(path));
    core::Result<sys::UniqueFd> fd = connect_with(
        path, Patience::kUntilDeadline, deadline - sys::boot_now());
    if (fd) return fd;
    const int code = fd.error().code;
    if (code != ENOENT && code != ECONNREFUSED && code != ENOTDIR &&
        code != EAGAIN && code != EINTR)
      return fd;
    if (sys::boot_now() >= deadline)
      return core::fail(code == EAGAIN ? EAGAIN : ETIMEDOUT, "connect", path);
    wait_for_event(watch, deadline);
  }
}

}  // namespace bus
