// SPDX-License-Identifier: Apache-2.0
// Job limits: what a job may use before it is ended. Decided here, allocation
// free, so that supervisor and scope decide alike. Time limits are decided by
// readings (check, earliest_breach); memory, processes and open files are the
// kernel's to hold: who starts the job tells it the bounds.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/duration.h"
#include "core/quantity.h"

namespace core {

/// Stored as a number in records: never renumbered.
enum class LimitKind : std::uint8_t {
  kNone = 0,
  kWallTime = 1,
  kCpuTime = 2,    ///< of all processes together
  kMemory = 3,     ///< of all processes together
  kProcesses = 4,  ///< at a time, threads too
  kOpenFiles = 5,  ///< of each process
  kLast = kOpenFiles,
};

/// What a limit's numbers count.
enum class LimitUnit : std::uint8_t { kMicroseconds, kBytes, kCount };

struct LimitRow {
  const char* word;  ///< in `--limit WORD=VALUE`
  const char* name;  ///< in sentences and records
  LimitUnit unit;
};

// NOLINTBEGIN(modernize-use-designated-initializers): a table
inline constexpr LimitRow kLimitRows[] = {
    {"none", "none", LimitUnit::kCount},
    {"wall", "wall time", LimitUnit::kMicroseconds},
    {"cpu", "cpu time", LimitUnit::kMicroseconds},
    {"memory", "memory", LimitUnit::kBytes},
    {"processes", "processes", LimitUnit::kCount},
    {"files", "open files", LimitUnit::kCount},
};
// NOLINTEND(modernize-use-designated-initializers)

constexpr LimitRow row_of(LimitKind kind) {
  if (kind <= LimitKind::kLast) return kLimitRows[static_cast<int>(kind)];
  return {.word = "unknown", .name = "unknown", .unit = LimitUnit::kCount};
}
constexpr std::string_view name_of(LimitKind kind) {
  return row_of(kind).name;
}

/// A limit that was passed. Value and bound are in the limit's own unit.
struct LimitHit {
  LimitKind kind = LimitKind::kNone;
  std::uint64_t value = 0;
  std::uint64_t bound = 0;
};

struct JobLimits {
  Maybe<Microseconds> wall_time;  ///< from the start of the first process
  Maybe<Microseconds> cpu_time;
  Maybe<Bytes> memory;
  Maybe<std::uint64_t> processes;
  Maybe<std::uint64_t> open_files;

  /// Whether there is one that needs more than a clock.
  [[nodiscard]] constexpr bool has_more_than_wall_time() const {
    return cpu_time || memory || processes || open_files;
  }
};

/// The bound of one kind in its unit; absent: none.
constexpr Maybe<std::uint64_t> bound_of(const JobLimits& limits,
                                        LimitKind kind) {
  const auto raw = [](const auto& bound) {
    return bound ? Maybe<std::uint64_t>(bound->raw()) : std::nullopt;
  };
  switch (kind) {
    case LimitKind::kWallTime:
      return raw(limits.wall_time);
    case LimitKind::kCpuTime:
      return raw(limits.cpu_time);
    case LimitKind::kMemory:
      return raw(limits.memory);
    case LimitKind::kProcesses:
      return limits.processes;
    case LimitKind::kOpenFiles:
      return limits.open_files;
    case LimitKind::kNone:
      break;
  }
  return std::nullopt;
}

constexpr void set_bound(JobLimits& limits, LimitKind kind,
                         const Maybe<std::uint64_t>& bound) {
  const auto set = [&bound]<class T>(Maybe<T>& to) {
    to = bound ? Maybe<T>(T(*bound)) : std::nullopt;
  };
  switch (kind) {
    case LimitKind::kWallTime:
      return set(limits.wall_time);
    case LimitKind::kCpuTime:
      return set(limits.cpu_time);
    case LimitKind::kMemory:
      return set(limits.memory);
    case LimitKind::kProcesses:
      return set(limits.processes);
    case LimitKind::kOpenFiles:
      return set(limits.open_files);
    case LimitKind::kNone:
      return;
  }
}

/// Whether memory that ran out was the job's own limit: what a machine or a
/// container lacks strikes below it. The kernel charges ahead of the use.
constexpr bool is_at_limit(Bytes peak, Bytes bound) {
  constexpr Bytes kBatch(1 << 20);
  return peak + kBatch >= bound;
}

/// Every kind that there is, in the order of their numbers.
inline constexpr LimitKind kLimitKinds[] = {
    LimitKind::kWallTime, LimitKind::kCpuTime, LimitKind::kMemory,
    LimitKind::kProcesses, LimitKind::kOpenFiles};
static_assert(sizeof kLimitKinds / sizeof kLimitKinds[0] ==
              static_cast<std::size_t>(LimitKind::kLast));

/// Beyond this nobody can mean it, or no kernel holds it: ten years,
/// PID_MAX_LIMIT processes (proc_sys_kernel(5)).
constexpr std::uint64_t largest_bound(LimitKind kind) {
  constexpr std::uint64_t kMost = INT64_MAX / 4;
  constexpr std::uint64_t kMostProcesses = 1U << 22U;
  if (kind == LimitKind::kProcesses) return kMostProcesses;
  return row_of(kind).unit == LimitUnit::kMicroseconds ? kLongestDuration
                                                       : kMost;
}

/// Another bound of one kind, or none.
struct LimitChange {
  LimitKind kind = LimitKind::kNone;
  Maybe<std::uint64_t> bound;
};

/// The processor time of a whole job, as it was read.
struct CpuReading {
  Microseconds used;
  BootTime when;
  std::uint32_t processors = 1;  ///< online: it cannot use more at a time
  bool is_idle = false;          ///< nothing was used since the reading before
};

/// By how much a limit of processor time may be passed before that is seen.
constexpr Microseconds cpu_tolerance(Microseconds bound) {
  return Microseconds(std::max(milliseconds(100).raw(), bound.raw() / 100));
}

/// When the next reading is due: at the earliest possible breach. Close to it
/// no more often than the tolerance demands: every 10 ms, the grain of /proc,
/// or sooner with many processors; for a job that does nothing every 50 ms with
/// two. There the kernel has no event, and this is the one timer that comes
/// again.
constexpr BootTime next_cpu_reading(Microseconds bound, const CpuReading& cpu) {
  const std::uint64_t processors = std::max(cpu.processors, 1U);
  const std::uint64_t tolerance = cpu_tolerance(bound).raw() / processors;
  const std::uint64_t least =
      cpu.is_idle ? tolerance : std::min(tolerance, milliseconds(10).raw());
  const std::uint64_t earliest = (bound - cpu.used).raw() / processors;
  return cpu.when + Microseconds(std::max(earliest, least));
}

/// The earliest time at which a limit can be passed or is to be checked, if
/// there is any. Without a reading a limit of processor time is not looked at.
constexpr Maybe<BootTime> earliest_breach(const JobLimits& limits,
                                          BootTime started,
                                          const Maybe<CpuReading>& cpu = {}) {
  Maybe<BootTime> earliest;
  if (limits.wall_time) earliest = started + *limits.wall_time;
  if (limits.cpu_time && cpu) {
    const BootTime next = next_cpu_reading(*limits.cpu_time, *cpu);
    if (!earliest || next < *earliest) earliest = next;
  }
  return earliest;
}

/// The limit that is passed at `now`, if one is.
constexpr Maybe<LimitHit> check(const JobLimits& limits, BootTime started,
                                BootTime now,
                                const Maybe<CpuReading>& cpu = {}) {
  const Microseconds used = now - started;
  if (limits.wall_time && used >= *limits.wall_time)
    return LimitHit{.kind = LimitKind::kWallTime,
                    .value = used.raw(),
                    .bound = limits.wall_time->raw()};
  if (limits.cpu_time && cpu && cpu->used >= *limits.cpu_time)
    return LimitHit{.kind = LimitKind::kCpuTime,
                    .value = cpu->used.raw(),
                    .bound = limits.cpu_time->raw()};
  return std::nullopt;
}

}  // namespace core
