// SPDX-License-Identifier: Apache-2.0
// The event loop: libev as watches that deregister themselves.
//
// Invariants:
//  - Never libev's default loop: it installs a SIGCHLD handler that steals the
//    exit statuses which pidfds are for.
//  - Timers are deadlines of CLOCK_BOOTTIME, kept by one timerfd of that clock:
//    neither a suspended machine nor a stepped wall clock moves them, and with
//    no timer set the process never wakes (libev's own clock would wake it
//    every minute to look for jumps: see the implementation).
//  - A callback may destroy any watch, its own too. A destroyed watch is never
//    called again.
//  - Every callback enters through one gate: an exception of the standard
//    library is logged, the event dropped, and the loop goes on.
//  - A watch on a descriptor is destroyed before the descriptor is closed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "core/error.h"
#include "core/quantity.h"

namespace supervisor {

/// What a descriptor is watched for, and what it is ready for. A bit set.
enum class Readiness : std::uint8_t {
  kNone = 0,
  kRead = 1,
  kWrite = 2,
  kReadWrite = 3,
};
constexpr bool has(Readiness set, Readiness wanted) {
  return (static_cast<unsigned>(set) & static_cast<unsigned>(wanted)) != 0;
}

struct PrepareHook;

class EventLoop {
 public:
  using Callback = std::function<void()>;

  /// Errors: those of epoll_create(2) and timerfd_create(2).
  [[nodiscard]] static core::Result<EventLoop> make();
  EventLoop(EventLoop&& other) noexcept;
  EventLoop& operator=(EventLoop&& other) noexcept;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  /// Every watch must be gone by then.
  ~EventLoop();

  /// Runs until stop().
  void run();
  /// Handles what is ready, or the first thing that becomes so, then returns.
  void run_once();
  /// Handles what is ready now, never waits, then returns.
  void run_ready();
  void stop();

  /// Calls once, after the callback that runs now and before the loop waits
  /// again. What is deferred meanwhile is called in the same round.
  void defer(Callback callback);

  /// A point of CLOCK_MONOTONIC in microseconds (sd_bus_get_timeout(3)) as a
  /// deadline for a timer.
  [[nodiscard]] static core::BootTime deadline_of_monotonic(
      std::uint64_t microseconds);

  class State;
  [[nodiscard]] State& state() { return *state_; }

 private:
  explicit EventLoop(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Watches a descriptor, which it borrows.
class IoWatch {
 public:
  using Callback = std::function<void(Readiness)>;

  IoWatch() = default;
  IoWatch(EventLoop& loop, int fd, Readiness wanted, Callback callback);
  IoWatch(IoWatch&& other) noexcept;
  IoWatch& operator=(IoWatch&& other) noexcept;
  IoWatch(const IoWatch&) = delete;
  IoWatch& operator=(const IoWatch&) = delete;
  ~IoWatch();

  /// Watches for this from now on; kNone pauses.
  void want(Readiness wanted);
  [[nodiscard]] Readiness wanted() const;
  [[nodiscard]] bool is_open() const { return state_ != nullptr; }

 private:
  class State;
  std::shared_ptr<State> state_;
};

/// Calls once when a point of CLOCK_BOOTTIME has passed; may be set again.
class Timer {
 public:
  Timer() = default;
  Timer(EventLoop& loop, EventLoop::Callback callback);
  Timer(Timer&& other) noexcept;
  Timer& operator=(Timer&& other) noexcept;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer();

  /// Replaces the deadline. One that has passed fires in the next round.
  void set(core::BootTime deadline);
  void clear();
  [[nodiscard]] bool is_set() const;

 private:
  friend class EventLoop::State;
  class State;
  std::shared_ptr<State> state_;
};

/// Calls each time before the loop waits: the place to flush what was gathered.
class PrepareWatch {
 public:
  PrepareWatch() = default;
  PrepareWatch(EventLoop& loop, EventLoop::Callback callback);
  PrepareWatch(PrepareWatch&& other) noexcept;
  PrepareWatch& operator=(PrepareWatch&& other) noexcept;
  PrepareWatch(const PrepareWatch&) = delete;
  PrepareWatch& operator=(const PrepareWatch&) = delete;
  ~PrepareWatch();

 private:
  std::shared_ptr<PrepareHook> hook_;
};

/// A library with a loop interface of its own (sd-bus, curl): it tells a
/// descriptor, the poll(2) events and a deadline, anew before each wait.
struct ExternalSource {
  std::function<int()> fd;
  std::function<short()> events;  ///< POLLIN, POLLOUT
  /// Absent: none. One that has passed means: process() now.
  std::function<std::optional<core::BootTime>()> deadline;
  /// Does all that can be done without waiting.
  std::function<void()> process;
};

class ExternalWatch {
 public:
  ExternalWatch(EventLoop& loop, ExternalSource source);
  ExternalWatch(const ExternalWatch&) = delete;
  ExternalWatch& operator=(const ExternalWatch&) = delete;
  ~ExternalWatch();

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace supervisor
