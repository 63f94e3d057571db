// SPDX-License-Identifier: Apache-2.0
// How long a poll(2) may wait: until the earliest of several points in time;
// and how long we wait ourselves after a command has begun.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "core/quantity.h"

namespace reaper {

/// What can wait waits until the command has had this time. Done at once it
/// wakes a second processor for the command's exec: a tenth of a short command.
inline constexpr core::Microseconds kHeadStart = core::milliseconds(5);

class WaitTime {
 public:
  void consider(std::optional<core::BootTime> time) {
    if (time && (!earliest_ || *time < *earliest_)) earliest_ = time;
  }

  /// Rounded up; -1: there is nothing to wait for.
  [[nodiscard]] int milliseconds(core::BootTime now) const {
    if (!earliest_) return -1;
    constexpr std::uint64_t kMost = 3600000;  // an hour
    const std::uint64_t wait = (*earliest_ - now).raw();
    return static_cast<int>(std::min((wait + 999) / 1000, kMost));
  }

 private:
  std::optional<core::BootTime> earliest_;
};

}  // namespace reaper
