// SPDX-License-Identifier: Apache-2.0
// JobPeaks: what the kernel knows of a job's cgroup at its end beside the
// counters of JobTotals. Absent is not zero: not every kernel tells each.
#pragma once

#include <cstdint>

#include "core/quantity.h"

namespace core {

struct JobPeaks {
  /// Time in which some, or all, of its processes were stalled for want of a
  /// processor, memory or I/O: total of cpu.pressure, memory.pressure and
  /// io.pressure (Linux: Documentation/accounting/psi.rst).
  Maybe<Microseconds> cpu_some;
  Maybe<Microseconds> cpu_full;
  Maybe<Microseconds> memory_some;
  Maybe<Microseconds> memory_full;
  Maybe<Microseconds> io_some;
  Maybe<Microseconds> io_full;
  Maybe<std::uint64_t> processes;  ///< at once, threads too: pids.peak
  Maybe<Bytes> swap;               ///< memory.swap.peak
  friend bool operator==(const JobPeaks&, const JobPeaks&) = default;
};

}  // namespace core
