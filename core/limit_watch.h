// SPDX-License-Identifier: Apache-2.0
// When a job's limits of time are to be looked at, and which are passed: the
// soft and the hard bounds of wall time, processor time and idle time, by one
// timer at the earliest possible breach. Parts of the job machine, and pure.
//
// Idle is a job that used no processor time. The kernel does not say when it
// last did, so a job that works is read every hundredth of the bound (or 100
// ms), which is how much later than asked its idleness may be seen; one that
// does nothing is read again when its time is over.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/job_machine.h"
#include "core/limit_terms.h"

namespace core {

constexpr std::uint32_t bit_of(LimitKind kind) {
  return 1U << static_cast<unsigned>(kind);
}

/// The soft bound of a kind that is still to be passed.
inline Maybe<std::uint64_t> open_soft_bound(const Job& job, LimitKind kind) {
  if ((job.soft_passed & bit_of(kind)) != 0) return std::nullopt;
  return terms_of(job.spec.limits, job.spec.terms, kind).soft;
}

/// The lower of the bounds of a kind that are still to be passed.
inline Maybe<std::uint64_t> next_bound(const Job& job, LimitKind kind) {
  const auto soft = open_soft_bound(job, kind);
  return soft ? soft : bound_of(job.spec.limits, job.spec.terms, kind);
}

/// When the next bound of wall time is passed.
inline Maybe<BootTime> wall_breach(const Job& job) {
  const auto bound = next_bound(job, LimitKind::kWallTime);
  if (!bound) return std::nullopt;
  return job.started.boot + Microseconds(*bound);
}

/// A soft bound that becomes another can be passed again.
inline void reopen_soft(Job& job, const TermsList& terms) {
  for (const LimitKind kind : kLimitKinds)
    if (terms_of({}, terms, kind).soft !=
        terms_of({}, job.spec.terms, kind).soft)
      job.soft_passed &= ~bit_of(kind);
}

/// Whether its processor time has to be read.
inline bool needs_readings(const Job& job) {
  return next_bound(job, LimitKind::kCpuTime) ||
         next_bound(job, LimitKind::kIdleTime);
}

/// When it is to be read for its idleness, at the earliest breach at the
/// latest. A reading tells that it worked and not when: at any time since the
/// one before. So they are half as far apart as may be overshot, as the end
/// takes its time too; and no farther while it does nothing, or a moment's work
/// in between would count from the breach.
inline BootTime next_idle_reading(Microseconds bound, const CpuReading& cpu,
                                  BootTime last_use) {
  const BootTime next = cpu.when + Microseconds(cpu_tolerance(bound).raw() / 2);
  if (!cpu.is_idle) return next;
  return std::min(next, std::max(last_use + bound, cpu.when));
}

/// When it is to be read next; nothing: at once, or never.
inline Maybe<BootTime> next_reading(const Job& job) {
  if (!job.cpu) return std::nullopt;
  Maybe<BootTime> due;
  if (const auto bound = next_bound(job, LimitKind::kCpuTime))
    due = next_cpu_reading(Microseconds(*bound), *job.cpu);
  const auto idle = next_bound(job, LimitKind::kIdleTime);
  // What stands still by request is not idle by itself.
  if (!idle || job.freezing != Freezing::kNo) return due;
  const BootTime at =
      next_idle_reading(Microseconds(*idle), *job.cpu, job.last_use);
  return due ? std::min(*due, at) : at;
}

/// How long it has done nothing, as far as it was read.
inline Microseconds idle_time(const Job& job) {
  if (!job.cpu || !job.cpu->is_idle || job.freezing != Freezing::kNo) return {};
  return job.cpu->when - job.last_use;
}

/// What the job is at of a kind that is decided by readings, at `now`.
inline Maybe<std::uint64_t> used_of(const Job& job, LimitKind kind,
                                    BootTime now) {
  switch (kind) {
    case LimitKind::kWallTime:
      return (now - job.started.boot).raw();
    case LimitKind::kCpuTime:
      if (job.cpu) return job.cpu->used.raw();
      return std::nullopt;
    case LimitKind::kIdleTime:
      return idle_time(job).raw();
    default:
      return std::nullopt;
  }
}

inline constexpr LimitKind kTimeKinds[] = {
    LimitKind::kWallTime, LimitKind::kCpuTime, LimitKind::kIdleTime};

/// The hard bound that is passed, if one is.
inline Maybe<LimitHit> passed_bound(const Job& job, BootTime now) {
  for (const LimitKind kind : kTimeKinds) {
    const auto bound = bound_of(job.spec.limits, job.spec.terms, kind);
    const auto used = used_of(job, kind, now);
    if (bound && used && *used >= *bound)
      return LimitHit{.kind = kind, .value = *used, .bound = *bound};
  }
  return std::nullopt;
}

/// The soft bounds that are passed, and were not before.
inline std::vector<LimitHit> passed_softly(const Job& job, BootTime now) {
  std::vector<LimitHit> hits;
  for (const LimitKind kind : kTimeKinds) {
    const auto soft = open_soft_bound(job, kind);
    const auto used = used_of(job, kind, now);
    if (soft && used && *used >= *soft)
      hits.push_back({.kind = kind, .value = *used, .bound = *soft});
  }
  return hits;
}

}  // namespace core
