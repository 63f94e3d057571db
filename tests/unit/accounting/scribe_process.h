// SPDX-License-Identifier: Apache-2.0
// A scribe as a process of its own, as in life.
#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "accounting/scribe.h"
#include "record_samples.h"
#include "sys/message_socket.h"

namespace samples {

inline constexpr accounting::ScribeOptions kQuick = {
    .most_kept_bytes = std::size_t{64} << 20U,
    .first_pause = core::milliseconds(20),
    .longest_pause = core::milliseconds(50)};

/// A scribe in a child process, and the supervisor's end of its socket.
class ScribeProcess {
 public:
  explicit ScribeProcess(const std::string& path,
                         const accounting::ScribeOptions& options = kQuick) {
    auto pair = sys::make_socket_pair();
    REQUIRE(pair);
    pid_ = ::fork();
    if (pid_ == 0) {
      // As after an exec: only its own socket, not those of its siblings.
      (void)::dup2(pair->second.get(), 3);
      (void)::close_range(4, ~0U, 0);
      ::_exit(accounting::run_scribe(3, path, options));
    }
    socket_ = std::move(pair->first);
  }
  ScribeProcess(const ScribeProcess&) = delete;
  ScribeProcess& operator=(const ScribeProcess&) = delete;
  ~ScribeProcess() { (void)close(); }

  void greet(std::uint64_t instance = kInstance) {
    accounting::ScribeGreeting greeting;
    greeting.instance = instance;
    (void)sys::send_packet(socket_.get(),
                           std::as_bytes(std::span(&greeting, 1)));
  }

  /// False when its queue is full or it has died.
  bool send(std::uint64_t key, const accounting::RecordBytes& record,
            std::uint32_t flags = 0) {
    accounting::ScribeRequest request;
    request.key = key;
    request.flags = flags;
    request.size = static_cast<std::uint32_t>(record.size);
    return sys::send_packet(socket_.get(),
                            std::as_bytes(std::span(&request, 1)),
                            record.view())
        .has_value();
  }

  /// Several in one packet, from `key` on.
  bool send_batch(std::uint64_t key,
                  std::span<const accounting::RecordBytes> records) {
    std::vector<std::byte> packet;
    for (const accounting::RecordBytes& record : records) {
      accounting::ScribeRequest request;
      request.key = key++;
      request.size = static_cast<std::uint32_t>(record.size);
      const auto head = std::as_bytes(std::span(&request, 1));
      packet.insert(packet.end(), head.begin(), head.end());
      packet.insert(packet.end(), record.view().begin(), record.view().end());
    }
    return sys::send_packet(socket_.get(), packet).has_value();
  }

  /// The next status; nothing after `wait_ms`, or when it has died.
  std::optional<accounting::ScribeStatus> status(int wait_ms = 60000) {
    pollfd watched = {.fd = socket_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&watched, 1, wait_ms) <= 0) return std::nullopt;
    std::byte buffer[256];
    const auto packet = sys::receive_packet(socket_.get(), buffer);
    if (!packet || packet->size == 0) return std::nullopt;
    return accounting::read_scribe_packet<accounting::ScribeStatus>(
        std::span(buffer).first(packet->size));
  }

  /// The first status for which `is_wanted`.
  template <class Predicate>
  std::optional<accounting::ScribeStatus> await(Predicate is_wanted) {
    for (;;) {
      auto next = status();
      if (!next || is_wanted(*next)) return next;
    }
  }

  /// What it says of an order.
  std::optional<accounting::ScribeStatus> order(
      accounting::ScribeOrder order, const accounting::ScribeStatus& of = {}) {
    accounting::ScribeControl control;
    control.device = of.device;
    control.inode = of.inode;
    control.number = ++last_order_;
    control.order = order;
    if (!sys::send_packet(socket_.get(), std::as_bytes(std::span(&control, 1))))
      return std::nullopt;
    return await([this](const accounting::ScribeStatus& status) {
      return status.control == last_order_;
    });
  }

  void kill() { (void)::kill(pid_, SIGKILL); }
  void close_socket() { socket_.reset(); }
  /// Its wait status.
  int close() {
    socket_.reset();
    int wait_status = 0;
    if (pid_ > 0) (void)::waitpid(pid_, &wait_status, 0);
    pid_ = -1;
    return wait_status;
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  sys::UniqueFd socket_;
  std::uint64_t last_order_ = 0;
};

}  // namespace samples
