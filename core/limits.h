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
  kCpuTime = 2,        ///< of all processes together
  kMemory = 3,         ///< of all processes together
  kProcesses = 4,      ///< at a time, threads too
  kOpenFiles = 5,      ///< of each process
  kVirtualMemory = 6,  ///< of each process
  kThreads = 7,        ///< of all processes together, at a time
  kFileSize = 8,       ///< of each file that is written
  kCoreSize = 9,       ///< of each core that is left
  kLockedMemory = 10,  ///< of each process
  kIdleTime = 11,      ///< without any processor time
  kSwap = 12,          ///< of all processes together, beside their memory
  kCpuRate = 13,       ///< of all together: 100 is one processor
  kCpuSet = 14,        ///< the processors that they may run on, a bit each
  kIoRate = 15,        ///< bytes a second of each disk, read and written each
  kIoOperations = 16,  ///< a second, likewise
  kLast = kIoOperations,
};
/// Up to here a job's own reaper holds them too; JobLimits has no others.
inline constexpr LimitKind kLastOfScope = LimitKind::kOpenFiles;

/// What a limit's numbers count.
enum class LimitUnit : std::uint8_t {
  kMicroseconds,
  kBytes,
  kCount,
  kPercent,     ///< of one processor
  kProcessors,  ///< a bit for each of the first 64
};

struct LimitRow {
  const char* word;  ///< in `--limit WORD=VALUE`
  const char* name;  ///< in sentences and records
  LimitUnit unit;
};

namespace detail {

/// Unit, word and name of each kind. One text, for a table of pointers would
/// take three times the place in a job's own reaper.
inline constexpr char kLimitTexts[] =
    "2none\0none\0"
    "0wall\0wall time\0"
    "0cpu\0cpu time\0"
    "1memory\0memory\0"
    "2processes\0processes\0"
    "2files\0open files\0"
    "1virtual\0virtual memory\0"
    "2threads\0threads\0"
    "1file-size\0file size\0"
    "1core\0core size\0"
    "1locked\0locked memory\0"
    "0idle\0idle time\0"
    "1swap\0swap\0"
    "3cpu-rate\0cpu rate\0"
    "4cpu-set\0cpu set\0"
    "1io-rate\0I/O rate\0"
    "2io-ops\0I/O operations\0"
    ":unknown\0unknown";

/// A count too, in its lowest bits.
inline constexpr char kUnknown = ':';

constexpr const char* behind(const char* text) {
  while (*text != '\0')
    ++text;
  return text + 1;
}

}  // namespace detail

[[gnu::noinline]] constexpr LimitRow row_of(LimitKind kind) {
  const char* at = detail::kLimitTexts;
  for (unsigned i = static_cast<unsigned>(kind);
       i > 0 && *at != detail::kUnknown; --i)
    at = detail::behind(detail::behind(at));
  return {.word = at + 1,
          .name = detail::behind(at),
          .unit = static_cast<LimitUnit>(*at & 7)};
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

/// The bounds that every holder knows. The rest of what a job's limits say is
/// in core/limit_terms.h.
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
  friend constexpr bool operator==(const JobLimits&,
                                   const JobLimits&) = default;
};

/// The bound of one kind in its unit; absent: none, or none that a scope holds.
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
    default:
      return std::nullopt;
  }
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
    default:
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
    LimitKind::kWallTime,     LimitKind::kCpuTime,   LimitKind::kMemory,
    LimitKind::kProcesses,    LimitKind::kOpenFiles, LimitKind::kVirtualMemory,
    LimitKind::kThreads,      LimitKind::kFileSize,  LimitKind::kCoreSize,
    LimitKind::kLockedMemory, LimitKind::kIdleTime,  LimitKind::kSwap,
    LimitKind::kCpuRate,      LimitKind::kCpuSet,    LimitKind::kIoRate,
    LimitKind::kIoOperations};
static_assert(sizeof kLimitKinds / sizeof kLimitKinds[0] ==
              static_cast<std::size_t>(LimitKind::kLast));

/// PID_MAX_LIMIT (proc_sys_kernel(5)).
inline constexpr std::uint64_t kMostProcesses = 1U << 22U;

/// Of what has no largest bound of its own.
inline constexpr std::uint64_t kLargestAmount = INT64_MAX / 4;

/// Beyond this nobody can mean it, or no kernel holds it: ten years,
/// PID_MAX_LIMIT processes (proc_sys_kernel(5)).
constexpr std::uint64_t largest_bound(LimitKind kind) {
  constexpr std::uint64_t kMostPercent =
      std::uint64_t{100} * 8192;  // NR_CPUS of the kernel
  if (kind == LimitKind::kProcesses || kind == LimitKind::kThreads)
    return kMostProcesses;
  switch (row_of(kind).unit) {
    case LimitUnit::kMicroseconds:
      return kLongestDuration;
    case LimitUnit::kPercent:
      return kMostPercent;
    case LimitUnit::kProcessors:
      return UINT64_MAX;
    default:
      return kLargestAmount;
  }
}

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
