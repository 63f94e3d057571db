// SPDX-License-Identifier: Apache-2.0
// What one registered provider has still to be told, and the socket by which:
// whole lines of JSON (core/provider_event.h), several a packet.
//
// Invariants:
//  - A provider that does not read costs what the kernel keeps in its socket
//    and a bounded queue here. What falls out of that, the oldest first, is
//    counted; the count is told as "lost", where it is missing.
//  - told + waiting + lost is the number of events that there were.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "core/handle.h"
#include "supervisor/event_loop.h"
#include "sys/unique_fd.h"

namespace supervisor {

struct OutletBounds {
  std::size_t kept_bytes = std::size_t{256} << 10;
  /// Larger packets need more of a socket's buffer.
  std::size_t packet = std::size_t{16} << 10;
  int socket_buffer = 64 << 10;
  int packets_of_turn = 4;
};

class ProviderOutlet {
 public:
  enum class Sent : char { kAll, kMore, kBlocked, kGone };

  explicit ProviderOutlet(const OutletBounds& bounds = {}) : bounds_(bounds) {}

  /// The provider's end. `on_ready` is called when it has left, or reads again
  /// after kBlocked. Errors: those of socketpair(2).
  [[nodiscard]] core::Result<core::Handle> open(EventLoop& loop,
                                                std::function<void()> on_ready);

  /// A line that is no event: it is not counted, and never lost.
  void say_first(std::string_view line) { first_.append(line); }
  void tell(std::string_view line);
  /// So many events could not be told, behind what was told so far.
  void add_lost(std::uint64_t count);

  /// Sends what there is, at most one turn's.
  [[nodiscard]] Sent send();
  /// A provider only reads: one that has closed has gone, and one that speaks
  /// is none.
  [[nodiscard]] bool has_left() const;

  [[nodiscard]] bool has_more() const {
    return !first_.empty() || !waiting_.empty() || lost_here_ > 0;
  }
  [[nodiscard]] bool is_blocked() const { return is_blocked_; }
  /// Events that the socket took, that wait, and that were lost.
  [[nodiscard]] std::uint64_t told() const { return told_; }
  [[nodiscard]] std::uint64_t waiting() const { return waiting_events_; }
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  /// A line, or a gap of so many events.
  struct Entry {
    std::string line;
    std::uint64_t lost = 0;
  };

  void drop_oldest();
  [[nodiscard]] std::string next_packet(std::size_t& used) const;

  OutletBounds bounds_;
  sys::UniqueFd socket_;
  IoWatch watch_;
  std::string first_;
  std::deque<Entry> waiting_;
  std::size_t bytes_ = 0;
  std::uint64_t lost_here_ = 0;  ///< before the first that waits, not told yet
  std::uint64_t told_ = 0;
  std::uint64_t waiting_events_ = 0;
  std::uint64_t lost_ = 0;
  bool is_blocked_ = false;
};

}  // namespace supervisor
