// SPDX-License-Identifier: Apache-2.0
// Job limits: what a job may use before it is ended. Decided here, allocation
// free, so that supervisor and scope decide alike.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/quantity.h"

namespace core {

enum class LimitKind : std::uint8_t { kNone = 0, kWallTime = 1 };

constexpr std::string_view name_of(LimitKind kind) {
  switch (kind) {
    case LimitKind::kNone:
      return "none";
    case LimitKind::kWallTime:
      return "wall time";
  }
  return "unknown";
}

/// A limit that was passed. Value and bound are in the limit's own unit
/// (microseconds for times, bytes for memory, else a count).
struct LimitHit {
  LimitKind kind = LimitKind::kNone;
  std::uint64_t value = 0;
  std::uint64_t bound = 0;
};

struct JobLimits {
  Maybe<Microseconds> wall_time;  ///< from the start of the first process
};

/// The earliest time at which a limit can be passed, if any can.
constexpr Maybe<BootTime> earliest_breach(const JobLimits& limits,
                                          BootTime started) {
  if (!limits.wall_time) return std::nullopt;
  return started + *limits.wall_time;
}

/// The limit that is passed at `now`, if one is.
constexpr Maybe<LimitHit> check(const JobLimits& limits, BootTime started,
                                BootTime now) {
  const Microseconds used = now - started;
  if (limits.wall_time && used >= *limits.wall_time)
    return LimitHit{.kind = LimitKind::kWallTime,
                    .value = used.raw(),
                    .bound = limits.wall_time->raw()};
  return std::nullopt;
}

}  // namespace core
