// SPDX-License-Identifier: Apache-2.0
// Deadline: one point of CLOCK_BOOTTIME as a descriptor to poll
// (timerfd_create(2)), made when there is first something to wait for; where
// there are none, a time for poll(2) to wait.
#pragma once

#include <sys/timerfd.h>

#include <algorithm>
#include <cstdint>
#include <optional>

#include "core/quantity.h"
#include "sys/unique_fd.h"

namespace reaper {

class Deadline {
 public:
  /// Waits for `time`, or for nothing. Without a timer, because descriptors ran
  /// out, it is tried again at the next call.
  void set(std::optional<core::BootTime> time) {
    if (time == set_to_) return;
    if (!timer_.is_open())
      timer_ = sys::UniqueFd(
          ::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!timer_.is_open()) return;
    itimerspec at = {};
    // A time of 0 would disarm it.
    const std::uint64_t microseconds =
        time ? std::max<std::uint64_t>(time->raw(), 1) : 0;
    at.it_value.tv_sec = static_cast<time_t>(microseconds / 1000000U);
    at.it_value.tv_nsec = static_cast<long>(microseconds % 1000000U) * 1000;
    if (::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &at, nullptr) == 0)
      set_to_ = time;
  }

  /// To be polled for POLLIN; -1 as long as nothing was ever set.
  [[nodiscard]] int get() const { return timer_.get(); }

  /// What poll(2) has to wait at most where there is no timer: in milliseconds,
  /// -1 where there is one, or nothing to wait for.
  [[nodiscard]] int patience(std::optional<core::BootTime> time,
                             core::BootTime now) const {
    if (!time || set_to_ == time) return -1;
    constexpr std::uint64_t kMost = 3600000;
    const std::uint64_t left = (*time - now).raw() / 1000 + 1;
    return *time <= now ? 0 : static_cast<int>(std::min(left, kMost));
  }

  /// Makes it unreadable again.
  void acknowledge() {
    std::uint64_t count = 0;
    (void)!::read(timer_.get(), &count, sizeof count);
    set_to_.reset();
  }

 private:
  sys::UniqueFd timer_;
  std::optional<core::BootTime> set_to_;
};

}  // namespace reaper
