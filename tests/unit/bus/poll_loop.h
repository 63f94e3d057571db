// SPDX-License-Identifier: Apache-2.0
// A loop of poll(2) behind bus/loop_hooks.h, for tests: steps by hand, and it
// measures how long each round kept others waiting.
#pragma once

#include <poll.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "bus/loop_hooks.h"
#include "sys/clock.h"

namespace bus_test {

class PollLoop : public bus::LoopHooks {
 public:
  std::unique_ptr<bus::LoopWatch> watch(int fd, short events,
                                        std::function<void()> ready) override {
    const auto number = ++last_;
    watches_[number] = {fd, events, std::move(ready)};
    return std::make_unique<Watch>(*this, number);
  }
  std::unique_ptr<bus::LoopTimer> timer(std::function<void()> passed) override {
    const auto number = ++last_;
    timers_[number] = {std::nullopt, std::move(passed)};
    return std::make_unique<Timer>(*this, number);
  }
  void defer(std::function<void()> call) override {
    deferred_.push_back(std::move(call));
  }

  /// Waits at most `most_ms` (-1: for ever) and handles what is ready.
  void turn(int most_ms) {
    std::vector<pollfd> fds;
    std::vector<std::uint64_t> numbers;
    for (const auto& [number, row] : watches_) {
      fds.push_back({row.fd, row.events, 0});
      numbers.push_back(number);
    }
    (void)::poll(fds.data(), fds.size(), patience(most_ms));
    const Stopwatch stopwatch(*this);
    fire_timers();
    for (std::size_t i = 0; i < fds.size(); ++i)
      if (fds[i].revents != 0) call_watch(numbers[i]);
    while (!deferred_.empty()) {
      const auto calls = std::exchange(deferred_, {});
      for (const auto& call : calls)
        call();
    }
  }
  void run_for(int ms) {
    const auto end =
        sys::boot_now() + core::milliseconds(static_cast<std::uint64_t>(ms));
    while (sys::boot_now() < end)
      turn(1);
  }
  template <class Claim>
  bool run_until(const Claim& claim, int most_ms = 5000) {
    const auto end = sys::boot_now() +
                     core::milliseconds(static_cast<std::uint64_t>(most_ms));
    while (!claim()) {
      if (sys::boot_now() >= end) return false;
      turn(5);
    }
    return true;
  }

  [[nodiscard]] std::uint64_t longest_round_us() const { return longest_us_; }
  void forget_longest_round() { longest_us_ = 0; }
  [[nodiscard]] std::size_t watch_count() const { return watches_.size(); }

 private:
  struct WatchRow {
    int fd = -1;
    short events = 0;
    std::function<void()> ready;
  };
  struct TimerRow {
    std::optional<core::BootTime> deadline;
    std::function<void()> passed;
  };
  class Watch : public bus::LoopWatch {
   public:
    Watch(PollLoop& loop, std::uint64_t number)
        : loop_(loop), number_(number) {}
    ~Watch() override { loop_.watches_.erase(number_); }
    void want(short events) override {
      loop_.watches_[number_].events = events;
    }

   private:
    PollLoop& loop_;
    std::uint64_t number_;
  };
  class Timer : public bus::LoopTimer {
   public:
    Timer(PollLoop& loop, std::uint64_t number)
        : loop_(loop), number_(number) {}
    ~Timer() override { loop_.timers_.erase(number_); }
    void set(core::BootTime deadline) override {
      loop_.timers_[number_].deadline = deadline;
    }
    void clear() override { loop_.timers_[number_].deadline.reset(); }

   private:
    PollLoop& loop_;
    std::uint64_t number_;
  };
  /// The time of a round, without what the scheduler gave to other processes
  /// (/proc/self/schedstat: nanoseconds spent waiting to run).
  class Stopwatch {
   public:
    explicit Stopwatch(PollLoop& loop)
        : loop_(loop), begin_(now()), waited_(waited_us()) {}
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;
    ~Stopwatch() {
      const std::uint64_t wall = now() - begin_;
      const std::uint64_t waited = waited_us() - waited_;
      loop_.longest_us_ =
          std::max(loop_.longest_us_, wall > waited ? wall - waited : 0);
    }

   private:
    static std::uint64_t now() { return sys::read_clock_us(CLOCK_MONOTONIC); }
    static std::uint64_t waited_us() {
      unsigned long long ran = 0;
      unsigned long long waited = 0;
      FILE* const file = std::fopen("/proc/self/schedstat", "re");
      if (file == nullptr) return 0;
      if (std::fscanf(file, "%llu %llu", &ran, &waited) != 2) waited = 0;
      (void)std::fclose(file);
      return waited / 1000;
    }
    PollLoop& loop_;
    std::uint64_t begin_;
    std::uint64_t waited_;
  };

  [[nodiscard]] int patience(int most_ms) const {
    if (!deferred_.empty()) return 0;
    std::optional<core::BootTime> first;
    for (const auto& [number, row] : timers_)
      if (row.deadline && (!first || *row.deadline < *first))
        first = row.deadline;
    if (!first) return most_ms;
    const auto left =
        static_cast<int>((*first - sys::boot_now()).raw() / 1000 + 1);
    const int wait = *first <= sys::boot_now() ? 0 : left;
    return most_ms < 0 ? wait : std::min(most_ms, wait);
  }
  void fire_timers() {
    std::vector<std::uint64_t> due;
    for (const auto& [number, row] : timers_)
      if (row.deadline && *row.deadline <= sys::boot_now())
        due.push_back(number);
    for (const std::uint64_t number : due) {
      const auto found = timers_.find(number);
      if (found == timers_.end() || !found->second.deadline) continue;
      found->second.deadline.reset();
      const auto call = found->second.passed;
      call();
    }
  }
  void call_watch(std::uint64_t number) {
    const auto found = watches_.find(number);
    if (found == watches_.end() || found->second.events == 0) return;
    const auto call = found->second.ready;  // may destroy its watch
    call();
  }

  std::map<std::uint64_t, WatchRow> watches_;
  std::map<std::uint64_t, TimerRow> timers_;
  std::vector<std::function<void()>> deferred_;
  std::uint64_t last_ = 0;
  std::uint64_t longest_us_ = 0;
};

}  // namespace bus_test
