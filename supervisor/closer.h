// SPDX-License-Identifier: Apache-2.0
// Closes descriptors that clients handed in (sys/foreign_fds.h), which may take
// for ever, so that the supervisor does not wait. A *closer* is a process that
// shares the supervisor's table of descriptors (clone(2), CLONE_FILES) and
// closes there. Beside each is its *guard*, which shares the table too.
//
// A close that takes long holds nobody up: the supervisor leaves the table that
// it shares for one of its own (unshare(2)), in which the descriptor is not any
// more, and the guard closes in the old one what is not foreign, so that nobody
// waits for the end of a socket which only the closer that hangs holds open.
// It does that too when the supervisor dies. Both stay until the close returns.
//
// Invariants:
//  - A job whose descriptors are harmless costs no process.
//  - One closer at a time shares the table with the supervisor; as long as an
//    ordinary user's wait to be closed there is one, but for those that are
//    lent (their pause) and those of a user who is full.
//  - At most kMostHanging closers hang for a user; until one of them comes back
//    what he handed in stays open, and he is not served (is_full()).
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <vector>

#include "core/quantity.h"
#include "supervisor/event_loop.h"
#include "sys/foreign_fds.h"
#include "sys/unique_fd.h"

namespace supervisor {

class Closer {
 public:
  static constexpr std::size_t kMostHanging = 16;

  explicit Closer(EventLoop& loop);
  Closer(const Closer&) = delete;
  Closer& operator=(const Closer&) = delete;
  ~Closer();

  /// Closes one that is marked, now if that cannot take long, else by a closer.
  /// Its number is free then, and its mark is gone.
  void close(int fd);
  /// Whether so many of the user's hang that no more of his are closed.
  [[nodiscard]] bool is_full(std::uint32_t uid) const;
  /// Whether that is so of anybody.
  [[nodiscard]] bool is_anybody_full() const { return full_ != 0; }

 private:
  struct Entry {
    int fd = -1;
    std::uint32_t uid = 0;
    core::BootTime not_before;
  };
  /// In memory that both sides share.
  struct Progress {
    std::atomic<std::uint32_t> begun{0};  ///< that many were begun
  };
  /// A guard and its closer; the supervisor knows them by the guard's end.
  struct Hanging {
    std::uint32_t uid = 0;
    sys::UniqueFd guard;
    IoWatch watch;
  };

  void begin();
  [[nodiscard]] bool may_rest() const;
  [[nodiscard]] bool start_pair();
  void on_end();
  void on_silence();
  static void leave_table();
  void put_back(std::size_t from);
  void on_return(std::list<Hanging>::iterator one);
  [[noreturn]] void be_guard(int supervisor);
  [[noreturn]] void be_closer();
  [[nodiscard]] bool is_given(int fd) const;
  void close_own(int supervisor) const;

  EventLoop& loop_;
  Progress* progress_ = nullptr;  ///< shared, made with the first closer
  std::deque<Entry> waiting_;
  std::vector<Entry> batch_;  ///< what the closer has; empty: there is none
  sys::UniqueFd guard_;
  IoWatch watch_;
  core::BootTime rests_until_;  ///< no batch begins before
  Timer due_;                   ///< the first that waits may be closed
  Timer silence_;               ///< the closer takes long
  std::list<Hanging> hanging_;
  std::map<std::uint32_t, std::size_t> counts_;
  std::size_t full_ = 0;  ///< users
};

}  // namespace supervisor
