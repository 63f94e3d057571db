// SPDX-License-Identifier: Apache-2.0
// EventStream: tells subscribers what happens to jobs, each over a packet
// socket of its own: whole lines of JSON (core/job_news.h), several a packet.
//
// Invariants:
//  - With no subscriber it does nothing at all.
//  - A subscriber costs a cursor, a descriptor and what the kernel keeps in its
//    socket, whether it reads or not. What it missed is counted and told.
//  - Nobody is told of a job that it may not see.
//  - Telling takes at most a fiftieth of the time: after a round comes a pause
//    of forty-nine times what the round took, in which events gather. Rounds go
//    in turns, so that requests come between. So a thousand subscribers slow a
//    launch by a few percent, and one is told at once.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "bus/loop_hooks.h"
#include "bus/news_ring.h"
#include "core/job_control.h"
#include "sys/unique_fd.h"

namespace bus {

struct StreamBounds {
  std::size_t subscribers = 4096;
  /// Of one user; root and the instance's own are not bounded by it.
  std::size_t subscribers_of_user = 64;
  std::size_t kept_bytes = std::size_t{1} << 20;
  /// Larger packets need more of a socket's buffer.
  std::size_t packet = std::size_t{16} << 10;
  int socket_buffer = 64 << 10;
  /// Subscribers told before others have their turn.
  unsigned turn = 64;
  /// The part of the time that telling may take is one of so many.
  unsigned share = 50;
};

class EventStream {
 public:
  EventStream(LoopHooks& hooks, const core::JobControl& port,
              const StreamBounds& bounds = {});

  /// The end that the subscriber reads. Refused: kTooMany, kUnavailable.
  [[nodiscard]] core::Answer<core::Handle> subscribe(const core::Caller& caller,
                                                     NewsClasses classes);

  void tell(core::NewsKind kind, const core::Job& job,
            const core::LimitHit& soft = {});

  [[nodiscard]] std::size_t subscriber_count() const {
    return subscribers_.size();
  }
  /// What is kept for those who have not been told yet.
  [[nodiscard]] std::size_t kept_bytes() const { return ring_.bytes(); }

 private:
  struct Subscriber {
    core::Caller caller;
    NewsClasses classes;
    sys::UniqueFd socket;
    NewsRing::Cursor cursor;
    std::unique_ptr<LoopWatch> watch;
    bool is_blocked = false;  ///< its socket is full
  };
  /// A packet, and for whom it was made.
  struct Packet {
    std::uint64_t from = 0;
    std::uint64_t to = 0;      ///< the first that is not in it
    std::uint64_t of_end = 0;  ///< the ring's end when it was made
    NewsClasses classes;
    core::Uid uid;
    std::vector<core::Gid> groups;
    std::string text;
  };
  enum class Sent : char { kAll, kBlocked, kGone };

  [[nodiscard]] core::Answer<void> check_room(const core::Caller& caller) const;
  void arrange();
  void take_turn();
  void end_round();
  void on_ready(std::uint64_t id);
  /// Tells what there is to tell. False: it has gone, and was removed.
  bool serve(std::uint64_t id, Subscriber& subscriber);
  [[nodiscard]] Sent send_next(Subscriber& subscriber);
  [[nodiscard]] const Packet& packet_for(const Subscriber& subscriber,
                                         std::uint64_t from);

  LoopHooks& hooks_;
  const core::JobControl& port_;
  StreamBounds bounds_;
  NewsRing ring_;
  std::map<std::uint64_t, Subscriber> subscribers_;
  std::uint64_t last_id_ = 0;
  std::unique_ptr<LoopTimer> timer_;
  bool is_arranged_ = false;
  std::uint64_t told_ = 0;     ///< the last of this round
  core::Microseconds spent_;   ///< by this round
  core::BootTime next_round_;  ///< not before
  Packet packet_;
};

}  // namespace bus
