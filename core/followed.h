// SPDX-License-Identifier: Apache-2.0
// Members that are where they are: processes that were attached in mode
// 'logical', without being moved into their job's container. They are followed:
// listed and signalled with it, ended with it, and it is not empty before they
// have ended.
//
// Invariant: a followed process is its number and when it began, so that a
// supervisor that comes after a crash finds it again, or knows that it has
// gone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/ids.h"
#include "core/quantity.h"

namespace core {

/// Processor time, with that of children that were waited for.
struct CpuUse {
  Microseconds user;
  Microseconds system;
  friend bool operator==(const CpuUse&, const CpuUse&) = default;
};

struct Followed {
  Pid pid;
  std::uint64_t start_ticks = 0;  ///< as in /proc/PID/stat; never 0
  CpuUse before;                  ///< what it had used when it was attached
  friend bool operator==(const Followed&, const Followed&) = default;
};

/// Of one job.
struct FollowedProcesses {
  std::vector<Followed> living;
  std::uint32_t ended = 0;
  std::uint32_t unread = 0;  ///< of those: nobody saw what they used
  CpuUse used;               ///< by the others, since they were attached

  [[nodiscard]] bool has(Pid pid) const {
    return std::ranges::find(living, pid, &Followed::pid) != living.end();
  }
  friend bool operator==(const FollowedProcesses&,
                         const FollowedProcesses&) = default;
};

/// What was used after `before`: never less than nothing.
constexpr CpuUse since(const CpuUse& now, const CpuUse& before) {
  return {.user = now.user - before.user, .system = now.system - before.system};
}

}  // namespace core
