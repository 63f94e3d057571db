// SPDX-License-Identifier: Apache-2.0
// Link: one end of a packet socket that never blocks. Sending says whether the
// packet went; what did not go stays the sender's state and is tried again
// when the socket is writable, so nothing is queued here.
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "reaper/protocol.h"
#include "sys/message_socket.h"
#include "sys/unique_fd.h"

namespace reaper {

enum class Sent : std::uint8_t {
  kYes,
  kLater,  ///< the peer does not read
  kGone,   ///< the peer is gone, or the packet can never go
};

/// Room for one packet: the links of a program share one.
struct PacketBuffer {
  /// A launch block in a packet lies behind a head and a Launch, which keeps
  /// it aligned to 8.
  alignas(8) std::byte bytes[kLargestPacket];
};
static_assert((sizeof(MessageHead) + sizeof(Launch)) % 8 == 0);

/// A packet that decoded, and its descriptors. Points into the buffer.
struct Received {
  MessageType type{};
  std::span<std::byte> body;
  sys::Packet packet;
  [[nodiscard]] std::span<sys::UniqueFd> fds() {
    return std::span(packet.fds).first(packet.fd_count);
  }
};

enum class LinkState : std::uint8_t { kMessage, kGarbage, kEmpty, kClosed };

class Link {
 public:
  Link() = default;
  explicit Link(sys::UniqueFd fd) : fd_(std::move(fd)) {}

  [[nodiscard]] int get() const { return fd_.get(); }
  [[nodiscard]] bool is_open() const { return fd_.is_open(); }
  void close() { fd_.reset(); }

  template <class Body>
  [[nodiscard]] Sent send(MessageType type, const Body& body,
                          std::span<const int> fds = {}) {
    return send_bytes(type, std::as_bytes(std::span(&body, 1)), fds);
  }
  [[nodiscard]] Sent send(MessageType type, std::span<const int> fds = {}) {
    return send_bytes(type, {}, fds);
  }

  /// Takes the next packet, if there is one.
  [[nodiscard]] LinkState receive(PacketBuffer& buffer, Received& received) {
    if (!is_open()) return LinkState::kClosed;
    auto packet = sys::receive_packet(fd_.get(), buffer.bytes);
    if (!packet)
      return packet.error().code == EAGAIN ? LinkState::kEmpty
                                           : LinkState::kClosed;
    if (packet->size == 0) return LinkState::kClosed;
    const std::span<std::byte> bytes =
        std::span(buffer.bytes).first(packet->size);
    const auto message = decode(bytes);
    if (!message) return LinkState::kGarbage;
    received.type = message->type;
    received.body = bytes.last(message->body.size());
    received.packet = std::move(*packet);
    return LinkState::kMessage;
  }

 private:
  [[nodiscard]] Sent send_bytes(MessageType type,
                                std::span<const std::byte> body,
                                std::span<const int> fds) {
    if (!is_open()) return Sent::kGone;
    const MessageHead head = head_for(type, body.size());
    const auto result = sys::send_packet(
        fd_.get(), std::as_bytes(std::span(&head, 1)), body, fds);
    if (result) return Sent::kYes;
    const int code = result.error().code;
    // ENOBUFS, ENOMEM: the kernel is short of memory now.
    // ETOOMANYREFS: too many descriptors of ours are under way unread.
    return code == EAGAIN || code == ENOBUFS || code == ENOMEM ||
                   code == ETOOMANYREFS
               ? Sent::kLater
               : Sent::kGone;
  }

  sys::UniqueFd fd_;
};

inline StoreName store_name(std::string_view text) {
  StoreName name;
  const std::size_t size =
      text.size() < kStoreName ? text.size() : kStoreName - 1;
  std::memcpy(name.name, text.data(), size);
  return name;
}

/// The text of a name from outside: nothing if it is empty or has no end.
inline std::optional<std::string_view> text_of(const StoreName& name) {
  const void* const end = std::memchr(name.name, '\0', kStoreName);
  if (end == nullptr || end == name.name) return std::nullopt;
  return std::string_view(name.name);
}

}  // namespace reaper
