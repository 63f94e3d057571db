// SPDX-License-Identifier: Apache-2.0
// Packets with descriptors over AF_UNIX SOCK_SEQPACKET (unix(7), cmsg(3)).
// Passive: it never owns the loop, never blocks unless the socket does, and
// never allocates. The calls are the bare system calls, which take musl's
// structures as they are when their padding is zero; musl's own copy them.
#pragma once

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstring>
#include <span>

#include "sys/unique_fd.h"

namespace sys {

/// The most descriptors in one packet; the kernel's own bound is 253.
inline constexpr std::size_t kMostDescriptors = 16;

struct SocketPair {
  UniqueFd first;
  UniqueFd second;
};

/// Two connected ends, close-on-exec and non-blocking.
[[nodiscard]] inline core::Result<SocketPair> make_socket_pair() {
  int ends[2] = {-1, -1};
  if (::syscall(SYS_socketpair, AF_UNIX,
                SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
    return core::fail(errno, "socketpair");
  return SocketPair{.first = UniqueFd(ends[0]), .second = UniqueFd(ends[1])};
}

/// Sends head and body as one packet. Errors: EAGAIN when the peer does not
/// read, EPIPE when it is gone, EMSGSIZE.
[[nodiscard]] inline core::Result<void> send_packet(
    int socket, std::span<const std::byte> head,
    std::span<const std::byte> body = {}, std::span<const int> fds = {}) {
  iovec parts[2] = {
      {.iov_base = const_cast<std::byte*>(head.data()), .iov_len = head.size()},
      {.iov_base = const_cast<std::byte*>(body.data()), .iov_len = body.size()},
  };
  alignas(cmsghdr)
      std::byte control[CMSG_SPACE(sizeof(int) * kMostDescriptors)] = {};
  msghdr message = {};
  message.msg_iov = parts;
  message.msg_iovlen = body.empty() ? 1 : 2;
  if (fds.size() > kMostDescriptors) return core::fail(EINVAL, "sendmsg");
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = static_cast<decltype(message.msg_controllen)>(
        CMSG_SPACE(sizeof(int) * fds.size()));
    cmsghdr* const rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = static_cast<decltype(rights->cmsg_len)>(
        CMSG_LEN(sizeof(int) * fds.size()));
    std::memcpy(CMSG_DATA(rights), fds.data(), sizeof(int) * fds.size());
  }
  if (::syscall(SYS_sendmsg, socket, &message, MSG_NOSIGNAL) < 0)
    return core::fail(errno, "sendmsg");
  return {};
}

/// A packet that was received. `size` is 0 when the peer has closed.
struct Packet {
  std::size_t size = 0;
  UniqueFd fds[kMostDescriptors];
  std::size_t fd_count = 0;
  bool was_cut = false;  ///< it or its descriptors did not fit
};

/// Receives one packet into `buffer`. Errors: EAGAIN when there is none.
/// A peer that closed without having read all that we sent shows first as
/// ECONNRESET, once (unix_release_sock in the kernel); what it said before is
/// still there behind that, and then the end.
[[nodiscard]] inline core::Result<Packet> receive_packet(
    int socket, std::span<std::byte> buffer) {
  iovec part = {.iov_base = buffer.data(), .iov_len = buffer.size()};
  alignas(cmsghdr)
      std::byte control[CMSG_SPACE(sizeof(int) * kMostDescriptors)] = {};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  long size = 0;
  do {
    size = ::syscall(SYS_recvmsg, socket, &message, MSG_CMSG_CLOEXEC);
  } while (size < 0 && (errno == EINTR || errno == ECONNRESET));
  if (size < 0) return core::fail(errno, "recvmsg");
  Packet packet;
  packet.size = static_cast<std::size_t>(size);
  packet.was_cut = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  // The kernel gathers all descriptors of a packet in one SCM_RIGHTS.
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_SOCKET ||
      header->cmsg_type != SCM_RIGHTS)
    return packet;
  const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (std::size_t i = 0; i < count; ++i) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
    packet.fds[packet.fd_count++] = UniqueFd(fd);  // bounded by `control`
  }
  return packet;
}

}  // namespace sys
