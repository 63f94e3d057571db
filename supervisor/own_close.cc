// SPDX-License-Identifier: Apache-2.0
// corrald's own close(2) and recvmsg(2), which the libraries that it is linked
// to call too: sd-bus receives whatever descriptors a client sends, also with a
// call that takes none, and closes them, before anybody could ask. Those that
// arrive are marked, and one that is marked is closed by the Closer.
#include "supervisor/own_close.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sys/foreign_fds.h"

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
  if (supervisor::closer != nullptr && supervisor::closer->is_anybody_full() &&
      supervisor::is_shut_out(fd)) {
    errno = ECONNRESET;
    return -1;
  }
  const ssize_t size = ::syscall(SYS_recvmsg, fd, message, flags);
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
    }
  }
  return size;
}

}  // extern "C"
