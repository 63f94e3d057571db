// SPDX-License-Identifier: Apache-2.0
// ScopeLink: a scope's end of its link to the supervisor. What is to be said is
// kept here until it could be sent, exits until they were acknowledged; a new
// supervisor, which got the other end from the store, says Hello and hears all
// of it again, the exits by their sequence. Nothing here blocks.
#pragma once

#include <poll.h>

#include <cstdint>
#include <optional>
#include <span>

#include "core/exit_record.h"
#include "core/launch_stage.h"
#include "reaper/protocol.h"
#include "sys/message_socket.h"
#include "sys/pid_fd.h"
#include "sys/unique_fd.h"

namespace reaper {

class ScopeLink {
 public:
  /// Takes over the descriptor that was passed to us.
  void adopt(sys::UniqueFd socket) {
    socket_ = std::move(socket);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the system call is so
    (void)::fcntl(socket_.get(), F_SETFL, O_RDWR | O_NONBLOCK);
  }

  [[nodiscard]] bool is_open() const { return socket_.is_open(); }
  [[nodiscard]] int get() const { return socket_.get(); }
  void close() { socket_.reset(); }

  void tell_launched(core::Pid pid, core::Pid scope) {
    launched_ = ScopeLaunched{.pid = pid.raw(), .scope_pid = scope.raw()};
    must_say_start_ = true;
  }
  void tell_failed(const core::LaunchFailure& failure) {
    failed_ = Launched();
    failed_->code = failure.code;
    failed_->stage = static_cast<std::uint32_t>(failure.stage);
    must_say_start_ = true;
  }
  void tell_stopped(std::int32_t signal) {
    stopped_ = {.is_stopped = signal != 0, .signal = signal};
    must_say_stopped_ = true;
  }
  void tell_populated(const Populated& populated) {
    populated_ = populated;
    must_say_populated_ = true;
  }

  /// Whether another exit can be kept. If not, nothing is reaped: the dead wait
  /// as zombies.
  [[nodiscard]] bool has_room() const { return size_ < kMostExits; }
  /// Numbers and keeps an exit.
  void tell_exit(core::ExitRecord record) {
    record.sequence = first_sequence_ + size_;
    kept_.exits[slot(record.sequence)] = record;
    ++size_;
  }

  /// Forgets the exits up to `sequence`.
  void acknowledge(std::uint64_t sequence) {
    while (size_ > 0 && first_sequence_ <= sequence) {
      ++first_sequence_;
      --size_;
    }
    if (next_to_send_ < first_sequence_) next_to_send_ = first_sequence_;
  }

  /// A new supervisor: everything is to be said again.
  void start_again() {
    must_say_start_ = launched_.has_value() || failed_.has_value();
    must_say_stopped_ = stopped_.is_stopped != 0;
    next_to_send_ = first_sequence_;
  }

  [[nodiscard]] bool has_something_to_say() const {
    return must_say_start_ || must_say_stopped_ || must_say_populated_ ||
           next_to_send_ < first_sequence_ + size_;
  }
  [[nodiscard]] short events() const {
    return static_cast<short>(POLLIN | (has_something_to_say() ? POLLOUT : 0));
  }

  /// Sends what it can. `main` goes with the news of the launch.
  void send(const sys::PidFd& main) {
    if (must_say_start_ && !send_start(main)) return;
    must_say_start_ = false;
    for (; next_to_send_ < first_sequence_ + size_; ++next_to_send_)
      if (!put(MessageType::kExit, kept_.exits[slot(next_to_send_)])) return;
    if (must_say_stopped_ && !put(MessageType::kScopeStopped, stopped_)) return;
    must_say_stopped_ = false;
    if (must_say_populated_ && !put(MessageType::kScopePopulated, populated_))
      return;
    must_say_populated_ = false;
  }

  enum class Heard : std::uint8_t { kNothing, kMessage, kClosed };

  /// Receives one packet and calls `handle(const Message&)`. Packets that do
  /// not decode are dropped.
  template <class Handle>
  Heard receive(Handle&& handle) {
    alignas(8) std::byte buffer[sizeof(MessageHead) + sizeof(ScopeEnded) + 512];
    const auto packet = sys::receive_packet(socket_.get(), buffer);
    if (!packet)
      return packet.error().code == EAGAIN ? Heard::kNothing : Heard::kClosed;
    if (packet->size == 0) return Heard::kClosed;
    const auto message = decode({buffer, packet->size});
    if (message && !packet->was_cut) handle(*message);
    return Heard::kMessage;
  }

 private:
  static constexpr std::size_t kMostExits = 64;

  /// None is made before it is needed: three pages of a short command.
  union Kept {
    Kept() {}  // NOLINT(modernize-use-equals-default): deleted otherwise
    core::ExitRecord exits[kMostExits];
  };

  static std::size_t slot(std::uint64_t sequence) {
    return sequence % kMostExits;
  }

  [[nodiscard]] bool send_start(const sys::PidFd& main) {
    if (failed_) return put(MessageType::kScopeFailed, *failed_);
    const int fds[] = {main.get()};
    return put(MessageType::kScopeLaunched, *launched_, fds);
  }

  /// Whether it went. A link that is broken shows when it is read.
  template <class Body>
  [[nodiscard]] bool put(MessageType type, const Body& body,
                         std::span<const int> fds = {}) {
    const MessageHead head = head_for(type, sizeof body);
    return sys::send_packet(socket_.get(), std::as_bytes(std::span(&head, 1)),
                            std::as_bytes(std::span(&body, 1)), fds)
        .has_value();
  }

  sys::UniqueFd socket_;
  std::optional<ScopeLaunched> launched_;
  std::optional<Launched> failed_;
  Stopped stopped_;
  Populated populated_;
  bool must_say_start_ = false;
  bool must_say_stopped_ = false;
  bool must_say_populated_ = false;
  std::uint64_t first_sequence_ = 1;  ///< the oldest not acknowledged
  std::uint64_t next_to_send_ = 1;
  std::size_t size_ = 0;
  Kept kept_;
};

}  // namespace reaper
