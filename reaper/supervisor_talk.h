// SPDX-License-Identifier: Apache-2.0
// What the supervisor says to the reaper and what the reaper tells it, message
// by message (reaper/protocol.h). What cannot be sent now is still due when
// there is room again.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "reaper/protocol.h"
#include "reaper/supervise.h"

namespace reaper {

inline void Daemon::handle(Received& received) {
  struct Row {
    MessageType type;
    bool (Daemon::*handle)(Received&);
  };
  // NOLINTBEGIN(modernize-use-designated-initializers): a table
  static constexpr Row kRows[] = {
      {MessageType::kHello, &Daemon::take_hello},
      {MessageType::kLaunch, &Daemon::take_launch},
      {MessageType::kLaunchAck, &Daemon::take_launch_ack},
      {MessageType::kRecordAck, &Daemon::take_record_ack},
      {MessageType::kReexec, &Daemon::take_reexec},
      {MessageType::kShutDown, &Daemon::take_shut_down},
      {MessageType::kReady, &Daemon::take_ready},
      {MessageType::kBarrier, &Daemon::take_barrier},
      {MessageType::kHoldLock, &Daemon::take_lock},
      {MessageType::kHold, &Daemon::take_held},
      {MessageType::kExamine, &Daemon::take_examine},
  };
  // NOLINTEND(modernize-use-designated-initializers)
  for (const Row& row : kRows) {
    if (row.type != received.type) continue;
    if (!(this->*row.handle)(received)) ++garbage_;
    return;
  }
  ++garbage_;
}

inline bool Daemon::take_hello(Received& received) {
  const auto hello = body_as<Hello>(received.body);
  if (!hello) return false;
  launcher_.begin_epoch(hello->epoch);
  supervisor_.is_working = true;
  is_welcome_due_ = true;
  signals_.begin_again();
  next_record_ = ring_.first();
  barrier_ = 0;  // its predecessor's
  are_counted_ = is_crowd_skipped_ = false;
  return true;
}

inline bool Daemon::take_examine(Received& received) {
  const auto order = body_as<ExamineOrder>(received.body);
  if (order) {
    are_counted_ = order->are_counted != 0;
    is_crowd_skipped_ = order->is_crowd_skipped != 0;
  }
  return order.has_value();
}

inline bool Daemon::take_launch(Received& received) {
  return launcher_.take_order(received, link_);
}

inline bool Daemon::take_launch_ack(Received& received) {
  const auto number = body_as<OrderNumber>(received.body);
  if (number) launcher_.acknowledge(*number);
  return number.has_value();
}

inline bool Daemon::take_record_ack(Received& received) {
  const auto number = body_as<SequenceNumber>(received.body);
  if (!number) return false;
  const bool was_full = ring_.is_full();
  ring_.acknowledge(number->sequence);
  if (was_full) reap();
  return true;
}

/// Whoever has ended is a zombie by now, though his SIGCHLD may be unread; but
/// for one that the kernel stopped on the few lines between leaving its cgroup
/// and becoming one (do_exit). Its own record is as complete as any.
inline bool Daemon::take_barrier(Received& received) {
  const auto number = body_as<SequenceNumber>(received.body);
  if (!number) return false;
  take_child_signal();
  // It may have served the link itself, up to a later barrier.
  barrier_ = std::max(barrier_, number->sequence);
  return true;
}

inline bool Daemon::take_reexec(Received& received) {
  const auto path = body_as<PathText>(received.body);
  if (!path || std::memchr(path->path, '\0', sizeof path->path) == nullptr)
    return false;
  has_asked_ = true;
  if (const auto state = make_state())
    next_image_.check(path->path, *state);
  else
    next_image_.refuse(state.error().code, "cannot write the state");
  return true;
}

inline bool Daemon::take_shut_down(Received& received) {
  const auto code = body_as<ExitCode>(received.body);
  if (!code) return false;
  end(code->code);
  sweep_at(sys::boot_now() + kLastFarewell);
  return true;
}

inline bool Daemon::take_ready(Received&) {
  has_served_ = true;
  return true;
}

inline bool Daemon::take_lock(Received& received) {
  if (received.packet.fd_count != 1) return false;
  hold_lock(std::move(received.fds()[0]));
  return true;
}

inline bool Daemon::take_held(Received& received) {
  const auto body = body_as<StoreName>(received.body);
  const auto name = body ? text_of(*body) : std::nullopt;
  if (!name || received.packet.fd_count > 1 || received.packet.was_cut)
    return false;
  return holdings_.hold(*name, received.packet.fd_count == 1
                                   ? std::move(received.fds()[0])
                                   : sys::UniqueFd());
}

/// Sends all that is due, as far as it goes.
inline void Daemon::flush() {
  wants_room_ = false;
  if (!link_.is_open() || !supervisor_.is_working) return;
  wants_room_ = send_all() == Sent::kLater;
}

inline Sent Daemon::send_all() {
  using Sender = Sent (Daemon::*)();
  // Answers go before records: a launch is known before its end.
  static constexpr Sender kSenders[] = {
      &Daemon::send_welcome, &Daemon::send_store_link, &Daemon::send_refusal,
      &Daemon::send_answers, &Daemon::send_signal,     &Daemon::send_records,
      &Daemon::send_barrier,
  };
  for (const Sender sender : kSenders) {
    const Sent sent = (this->*sender)();
    if (sent != Sent::kYes) return sent;
  }
  return Sent::kYes;
}

inline Sent Daemon::send_welcome() {
  if (!is_welcome_due_) return Sent::kYes;
  Welcome welcome;
  welcome.reaper_pid = ::getpid();
  welcome.supervisor_starts = supervisor_starts_;
  welcome.reaper_generation = generation_;
  welcome.first_sequence = ring_.first();
  welcome.next_sequence = ring_.next();
  welcome.reaper_is_pid1 = ::getpid() == 1 ? 1 : 0;
  welcome.level = kReaperLevel;
  // A supervisor that must become the next reaper goes on with the ring.
  const int ring = ring_.descriptor().get();
  const Sent sent =
      link_.send(MessageType::kWelcome, welcome, std::span(&ring, 1));
  if (sent == Sent::kYes) is_welcome_due_ = false;
  return sent;
}

inline Sent Daemon::send_store_link() {
  if (!new_store_end_.is_open()) return Sent::kYes;
  const int fds[] = {new_store_end_.get(), keeper_.process().pidfd().get()};
  const std::size_t count = fds[1] < 0 ? 1 : 2;
  const Sent sent =
      link_.send(MessageType::kStoreLink, std::span(fds).first(count));
  if (sent == Sent::kYes) new_store_end_.reset();
  return sent;
}

inline Sent Daemon::send_refusal() {
  if (!next_image_.refusal()) return Sent::kYes;
  const Sent sent =
      link_.send(MessageType::kReexecRefused, *next_image_.refusal());
  if (sent == Sent::kYes) next_image_.refusal_was_told();
  return sent;
}

inline Sent Daemon::send_answers() {
  return launcher_.send_answers(link_);
}

inline Sent Daemon::send_signal() {
  while (const SignalSeen* const seen = signals_.next()) {
    const Sent sent = link_.send(MessageType::kSignalled, *seen);
    if (sent != Sent::kYes) return sent;
    signals_.next_was_sent();
  }
  return Sent::kYes;
}

inline Sent Daemon::send_records() {
  for (; next_record_ < ring_.next(); ++next_record_) {
    core::ExitRecord record;
    if (!ring_.read(next_record_, record)) continue;  // damaged: no lies
    const Sent sent = link_.send(MessageType::kExit, record);
    if (sent != Sent::kYes) return sent;
  }
  return Sent::kYes;
}

/// Behind all records. While the ring is full some of the dead wait unread.
inline Sent Daemon::send_barrier() {
  if (barrier_ == 0 || ring_.is_full()) return Sent::kYes;
  const Sent sent =
      link_.send(MessageType::kBarrierPassed, SequenceNumber{barrier_});
  if (sent == Sent::kYes) barrier_ = 0;
  return sent;
}

}  // namespace reaper
