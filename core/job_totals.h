// SPDX-License-Identifier: Apache-2.0
// JobTotals: what a whole job used, read from its container at its end, never
// summed from its processes. Absent is not zero.
#pragma once

#include <cstdint>

#include "core/quantity.h"

namespace core {

struct JobTotals {
  Maybe<Microseconds> user_time;    ///< cgroup v2 cpu.stat user_usec
  Maybe<Microseconds> system_time;  ///< cgroup v2 cpu.stat system_usec
  Maybe<Bytes> memory_peak;         ///< memory.peak; v1 max_usage_in_bytes
  Maybe<Bytes> read_bytes;          ///< io.stat rbytes, all devices
  Maybe<Bytes> write_bytes;         ///< io.stat wbytes, all devices
  Maybe<std::uint64_t> oom_kills;   ///< memory.events oom_kill
  /// Processes that lived in the job and that have no record; absent: unknown.
  Maybe<std::uint64_t> processes_not_seen;
  /// Processes that ended in it, counted by the kernel; absent: nobody counted.
  Maybe<std::uint64_t> processes;
};

}  // namespace core
