// SPDX-License-Identifier: Apache-2.0
// corrald's own close(2) and recvmsg(2), which the libraries that it is linked
// to call too: sd-bus receives whatever descriptors a client sends, also with a
// call that takes none, and closes them, before anybody could ask. Those that
// arrive are marked, and one that is marked is closed by the Closer. Of a
// client's connection no more is read than its inbox allows (sys/inbox.h).
#include "supervisor/own_close.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "sys/foreign_fds.h"
#include "sys/inbox.h"

namespace supervisor {

namespace {

Closer* closer = nullptr;

/// Of a connection of ours. On a message bus nobody can tell who sent it.
std::uint32_t peer_of(int socket) {
  if (!sys::foreign_fds().has(socket)) return sys::ForeignFds::kSomebody;
  return sys::foreign_fds().owner(socket);
}

bool is_shut_out(int socket) {
  const std::uint32_t peer = peer_of(socket);
  return peer != sys::ForeignFds::kSomebody && closer->is_full(peer);
}

/// Whether nothing of it may be read now; errno says why.
bool is_held_back(int socket, sys::Inbox* inbox) {
  if (closer != nullptr && closer->is_anybody_full() && is_shut_out(socket)) {
    errno = ECONNRESET;
    return true;
  }
  if (inbox == nullptr || inbox->room(1) > 0) return false;
  // First: what close(2) is asked for may set errno.
  for (const int fd : inbox->give_up())
    if (sys::foreign_fds().has(fd)) (void)::close(fd);
  errno = inbox->has_dropped() ? ECONNRESET : EAGAIN;
  return true;
}

/// recvmsg(2) into the first of the message's buffers, and of that no more than
/// the inbox has room for; sd-bus brings one.
ssize_t receive(int fd, msghdr& message, int flags, sys::Inbox* inbox) {
  if (inbox == nullptr || message.msg_iovlen == 0)
    return ::syscall(SYS_recvmsg, fd, &message, flags);
  iovec bytes = message.msg_iov[0];
  bytes.iov_len = inbox->room(bytes.iov_len);
  iovec* const buffers = std::exchange(message.msg_iov, &bytes);
  const std::size_t count = std::exchange(message.msg_iovlen, 1);
  const ssize_t size = ::syscall(SYS_recvmsg, fd, &message, flags);
  message.msg_iov = buffers;
  message.msg_iovlen = count;
  if (size > 0) inbox->has_read(static_cast<std::size_t>(size));
  return size;
}

}  // namespace

ForeignCloses::ForeignCloses(EventLoop& loop) : closer_(loop) {
  closer = &closer_;
}

ForeignCloses::~ForeignCloses() {
  closer = nullptr;
}

}  // namespace supervisor

extern "C" {

int close(int fd) {
  if (supervisor::closer != nullptr && sys::foreign_fds().has(fd)) {
    supervisor::closer->close(fd);
    return 0;
  }
  return static_cast<int>(::syscall(SYS_close, fd));
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
  sys::Inbox* const inbox =
      supervisor::closer == nullptr ? nullptr : sys::Inbox::at(fd);
  if (supervisor::is_held_back(fd, inbox)) return -1;
  const ssize_t size = supervisor::receive(fd, *message, flags, inbox);
  if (size < 0) return size;
  for (cmsghdr* at = CMSG_FIRSTHDR(message); at != nullptr;
       at = CMSG_NXTHDR(message, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) continue;
    const std::uint32_t owner = supervisor::peer_of(fd);
    const std::size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int received = -1;
      std::memcpy(&received, CMSG_DATA(at) + i * sizeof(int), sizeof received);
      sys::foreign_fds().mark(received, owner);
      if (inbox != nullptr) inbox->has_come(received);
    }
  }
  return size;
}

}  // extern "C"
