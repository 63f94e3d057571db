// SPDX-License-Identifier: Apache-2.0
// Lifelines: descriptors whose other side lives as long as somebody does, and
// many of them behind one that can be watched (epoll(7), "nested").
//
// Invariants:
//  - Nothing is read from them: what is written on the other side wakes nobody.
//  - Whoever hands one in may be hostile. Before it is known to be a socket of
//    AF_UNIX or a pidfd nothing is asked of it that its owner could hold up: a
//    file system in user space, or a pipe, of which a writer holds the lock
//    while it copies from memory that a file system in user space backs.
#pragma once

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <optional>

#include "sys/foreign_fds.h"
#include "sys/unique_fd.h"

namespace sys {

/// For a refusal.
inline constexpr const char* kLifelineExpected =
    "a pidfd or one end of a connected stream or packet socket of AF_UNIX "
    "(socketpair(2)) whose other side is open, and no pipe (h)";

namespace detail {

[[nodiscard]] inline bool is_stream_of_unix(int fd) {
  int domain = 0;
  int type = 0;
  int listens = 0;
  socklen_t size = sizeof(int);
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 ||
      ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 ||
      ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0)
    return false;
  return domain == AF_UNIX && listens == 0 &&
         (type == SOCK_STREAM || type == SOCK_SEQPACKET);
}

/// What epoll(7) is to tell of it, beside EPOLLHUP and EPOLLERR, which it
/// always does. Nothing: it is no lifeline.
[[nodiscard]] inline std::optional<std::uint32_t> lifeline_events(int fd) {
  if (is_stream_of_unix(fd)) return 0U;
  if (is_pidfd(fd)) return static_cast<std::uint32_t>(EPOLLIN);
  return std::nullopt;
}

}  // namespace detail

/// Whether it is of one of those kinds, and its other side is still open.
[[nodiscard]] inline bool is_lifeline(int fd) {
  const auto events = detail::lifeline_events(fd);
  if (!events) return false;
  pollfd poll = {.fd = fd,
                 .events = static_cast<short>(*events != 0 ? POLLIN : 0),
                 .revents = 0};
  return ::poll(&poll, 1, 0) == 0;
}

class Lifelines {
 public:
  /// Readable while one of them has hung up. -1: there never was any.
  [[nodiscard]] int get() const { return epoll_.get(); }

  /// Borrowed until remove(). Errors: those of epoll_ctl(2); EINVAL for what is
  /// no lifeline.
  [[nodiscard]] core::Result<void> add(int fd, std::uint64_t key) {
    const auto events = detail::lifeline_events(fd);
    if (!events) return core::fail(EINVAL, "lifeline");
    if (!epoll_.is_open()) epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_.is_open()) return core::fail(errno, "epoll_create1");
    epoll_event wanted = {.events = *events, .data = {.u64 = key}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &wanted) < 0)
      return core::fail(errno, "epoll_ctl");
    return {};
  }
  /// Before it is closed: others may keep it open, and it would stay here.
  void remove(int fd) const {
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  }

  /// Calls with the key of each that has hung up; who is called removes it.
  template <class Call>
  void tell(const Call& call) const {
    epoll_event events[64];
    const int count = ::epoll_wait(epoll_.get(), events, std::size(events), 0);
    for (int i = 0; i < count; ++i)
      call(events[i].data.u64);
  }

 private:
  UniqueFd epoll_;
};

}  // namespace sys
