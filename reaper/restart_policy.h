// SPDX-License-Identifier: Apache-2.0
// When a program of ours that ended is started again. Pure. An end that is not
// its own doing (SIGKILL, a clean exit) after it had come to work is followed
// at once. Else a few quick ends are followed at once too, the next ones after
// a pause that doubles from 100 ms up to 30 s.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/quantity.h"

namespace reaper {

/// An end, as the policy sees it.
struct ProgramEnd {
  bool was_working = false;   ///< it had said hello
  bool was_own_doing = true;  ///< not by SIGKILL and not with status 0
  core::Microseconds lived;
};

struct RestartCount {
  std::uint32_t quick_ends = 0;

  /// Counts the end and tells how long to wait before the next start.
  constexpr core::Microseconds pause_after(const ProgramEnd& end) {
    constexpr std::uint32_t kFree = 5;
    constexpr core::Microseconds kLongLife = core::seconds(10);
    constexpr core::Microseconds kMostPause = core::seconds(30);
    if ((end.was_working && !end.was_own_doing) || end.lived >= kLongLife) {
      quick_ends = 0;
      return {};
    }
    ++quick_ends;
    if (quick_ends <= kFree) return {};
    const std::uint32_t doublings = std::min(quick_ends - kFree - 1, 16U);
    return std::min(
        core::Microseconds(core::milliseconds(100).raw() << doublings),
        kMostPause);
  }
};

/// Whether another start is worth it of a program that never came to work: not
/// after it said that its options are wrong, or that another instance has its
/// place, nor once it is paused for.
constexpr bool may_yet_work(std::int32_t wait_status,
                            core::Microseconds pause) {
  constexpr std::int32_t kWrongOptions = 2 << 8;
  constexpr std::int32_t kUnavailable = 69 << 8;
  return wait_status != kWrongOptions && wait_status != kUnavailable &&
         pause.raw() == 0;
}

}  // namespace reaper
