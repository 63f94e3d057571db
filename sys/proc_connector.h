// SPDX-License-Identifier: Apache-2.0
// The proc connector: the kernel tells of every fork, exec and exit of the
// machine on a netlink socket (linux/cn_proc.h, Documentation/driver-api/
// connector.rst). For root in the first namespaces.
#pragma once

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "core/error.h"
#include "sys/unique_fd.h"

namespace sys {

class ProcConnector {
 public:
  // enum proc_event's, which is in another place since Linux 6.6.
  static constexpr std::uint32_t kAnswer = 0;
  static constexpr std::uint32_t kFork = 1;
  static constexpr std::uint32_t kExec = 2;
  static constexpr std::uint32_t kExit = 0x80000000;

  /// struct proc_event's, which cannot be copied as a whole: the kernel may
  /// send less of its union.
  struct Event {
    std::uint32_t what = 0;  ///< kFork, ...; others are not for us
    std::uint32_t cpu = 0;
    std::uint32_t sequence = 0;  ///< counts the events of that processor
    std::uint64_t monotonic_ns = 0;
    std::int32_t pid = 0;  ///< of the thread; kFork: the parent's
    std::int32_t tgid = 0;
    std::int32_t child = 0;       ///< kFork: the child's thread
    std::int32_t child_tgid = 0;  ///< kFork
    std::int32_t status = 0;      ///< kExit: as wait(2) gives it
  };

  ProcConnector() = default;
  ProcConnector(ProcConnector&&) noexcept = default;
  ProcConnector& operator=(ProcConnector&& other) noexcept {
    if (this != &other) {
      close();
      socket_ = std::move(other.socket_);
    }
    return *this;
  }
  ProcConnector(const ProcConnector&) = delete;
  ProcConnector& operator=(const ProcConnector&) = delete;
  ~ProcConnector() { close(); }

  /// `buffer`: bytes that may wait. Errors: EPERM without CAP_NET_ADMIN,
  /// EPROTONOSUPPORT where the kernel has none.
  [[nodiscard]] static core::Result<ProcConnector> open(int buffer) {
    ProcConnector opened;
    opened.socket_ =
        UniqueFd(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
                          NETLINK_CONNECTOR));
    if (!opened.socket_.is_open())
      return core::fail(errno, "open", "the proc connector");
    sockaddr_nl address = {};
    address.nl_family = AF_NETLINK;
    address.nl_groups = CN_IDX_PROC;
    if (::bind(opened.socket_.get(), reinterpret_cast<sockaddr*>(&address),
               sizeof address) < 0)
      return core::fail(errno, "join", "the proc connector");
    (void)::setsockopt(opened.socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE,
                       &buffer, sizeof buffer);
    if (!opened.order(PROC_CN_MCAST_LISTEN))
      return core::fail(errno, "listen to", "the proc connector");
    return opened;
  }

  [[nodiscard]] int fd() const { return socket_.get(); }

  /// The next message. Errors: EAGAIN: there is none; ENOBUFS: some were lost;
  /// EBADMSG: one that is none of the kernel's.
  [[nodiscard]] core::Result<Event> receive() const {
    alignas(nlmsghdr) std::byte buffer[512];
    sockaddr_nl from = {};
    socklen_t size = sizeof from;
    const ssize_t got =
        ::recvfrom(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT,
                   reinterpret_cast<sockaddr*>(&from), &size);
    if (got < 0) return core::fail(errno, "read", "the proc connector");
    const auto event =
        from.nl_pid == 0
            ? parse(std::span(buffer, static_cast<std::size_t>(got)))
            : std::nullopt;
    if (!event) return core::fail(EBADMSG, "read", "the proc connector");
    return *event;
  }

  /// One datagram of the kernel's.
  [[nodiscard]] static std::optional<Event> parse(
      std::span<const std::byte> bytes) {
    constexpr std::size_t kHead = NLMSG_HDRLEN + sizeof(cn_msg);
    constexpr std::size_t kEventHead = offsetof(proc_event, event_data);
    if (bytes.size() < kHead + kEventHead) return std::nullopt;
    cn_msg head = {};
    std::memcpy(&head, bytes.data() + NLMSG_HDRLEN, sizeof head);
    if (head.id.idx != CN_IDX_PROC || head.id.val != CN_VAL_PROC)
      return std::nullopt;
    const std::span<const std::byte> body = bytes.subspan(kHead);
    Event event;
    event.sequence = head.seq;
    event.what = word(body, 0);
    event.cpu = word(body, 4);
    std::memcpy(&event.monotonic_ns, body.data() + 8, 8);
    event.pid = static_cast<std::int32_t>(word(body, kEventHead));
    event.tgid = static_cast<std::int32_t>(word(body, kEventHead + 4));
    event.child = static_cast<std::int32_t>(word(body, kEventHead + 8));
    event.child_tgid = static_cast<std::int32_t>(word(body, kEventHead + 12));
    event.status = event.child;  // exit_code stands in the same place
    return event;
  }

 private:
  static std::uint32_t word(std::span<const std::byte> bytes, std::size_t at) {
    std::uint32_t number = 0;
    if (bytes.size() >= at + sizeof number)
      std::memcpy(&number, bytes.data() + at, sizeof number);
    return number;
  }

  [[nodiscard]] bool order(proc_cn_mcast_op op) const {
    const auto wanted = static_cast<std::uint32_t>(op);
    nlmsghdr netlink = {};
    cn_msg message = {};
    std::byte text[NLMSG_HDRLEN + sizeof message + sizeof wanted] = {};
    netlink.nlmsg_len = sizeof text;
    netlink.nlmsg_type = NLMSG_DONE;
    message.id.idx = CN_IDX_PROC;
    message.id.val = CN_VAL_PROC;
    message.len = sizeof wanted;
    std::memcpy(text, &netlink, sizeof netlink);
    std::memcpy(text + NLMSG_HDRLEN, &message, sizeof message);
    std::memcpy(text + NLMSG_HDRLEN + sizeof message, &wanted, sizeof wanted);
    return ::send(socket_.get(), text, sizeof text, 0) >= 0;
  }

  /// Before Linux 6.6 the kernel goes on telling nobody, unless it is told.
  void close() {
    if (socket_.is_open()) (void)order(PROC_CN_MCAST_IGNORE);
    socket_.reset();
  }

  UniqueFd socket_;
};

}  // namespace sys
