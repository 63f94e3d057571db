// SPDX-License-Identifier: Apache-2.0
// One SOCK_SEQPACKET link that speaks reaper/protocol.h, driven by the loop.
// What the socket does not take now waits in memory, in order, with duplicates
// of its descriptors; what does not decode is dropped and counted; what
// lacks descriptors for which there is no room comes without them.
//
// Invariant: a handler may destroy the link it is called from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "reaper/protocol.h"
#include "supervisor/event_loop.h"
#include "sys/message_socket.h"

namespace supervisor {

/// Told of what comes over a link.
class PacketHandler {
 public:
  virtual ~PacketHandler() = default;
  /// A packet. Descriptors that are not taken are closed afterwards.
  virtual void on_message(const reaper::Message& message,
                          std::span<sys::UniqueFd> fds) = 0;
  /// Everything that was there has been handled: the time to acknowledge.
  virtual void on_batch_end() {}
  /// The peer has closed; nothing more will come.
  virtual void on_end() = 0;
};

class PacketLink {
 public:
  PacketLink() = default;
  /// Borrows `socket`, which must be non-blocking and outlive the link.
  PacketLink(EventLoop& loop, int socket, PacketHandler& handler);
  PacketLink(const PacketLink&) = delete;
  PacketLink& operator=(const PacketLink&) = delete;
  PacketLink(PacketLink&& other) noexcept = default;
  PacketLink& operator=(PacketLink&& other) noexcept;
  ~PacketLink();

  [[nodiscard]] bool is_open() const { return state_ != nullptr; }

  /// Sends a packet of `body` and `tail`. A peer that is gone is told by
  /// on_end(), not here.
  void send(reaper::MessageType type, std::span<const std::byte> body = {},
            std::span<const int> fds = {},
            std::span<const std::byte> tail = {});

  /// Sends a packet now or not at all. Errors: EAGAIN when it would have to
  /// wait, EPIPE when the link is closed, those of sendmsg(2).
  [[nodiscard]] core::Result<void> send_now(reaper::MessageType type,
                                            std::span<const std::byte> body,
                                            std::span<const int> fds);

  template <class T>
  void send_value(reaper::MessageType type, const T& body,
                  std::span<const int> fds = {},
                  std::span<const std::byte> tail = {}) {
    send(type, std::as_bytes(std::span(&body, 1)), fds, tail);
  }

  /// Whether everything that was sent is with the kernel: it reaches the peer
  /// even if this process dies now.
  [[nodiscard]] bool is_flushed() const;
  /// Waits, for a last word before the process becomes another, until
  /// everything is with the kernel. Errors: ETIME after `patience`, poll(2)'s.
  [[nodiscard]] core::Result<void> flush_now(core::Microseconds patience);
  /// Calls `done` once, when it is flushed (at once if it is).
  void when_flushed(EventLoop::Callback done);
  [[nodiscard]] std::uint64_t packets_dropped() const;

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace supervisor
