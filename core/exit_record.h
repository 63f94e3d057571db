// SPDX-License-Identifier: Apache-2.0
// ExitRecord: what is known of one process at its end, as whoever reaped it saw
// it (the reaper, a scope), or the kernel. One fixed size, one layout: it is an
// entry of the reaper's ring, a message to the supervisor and an event of the
// job. A counter whose bit in `present` is clear was not collected and means
// nothing, whatever its value.
#pragma once

#include <cstdint>
#include <type_traits>

#include "core/ids.h"

namespace core {

/// Bits of ExitRecord::present.
enum class Counters : std::uint32_t {
  kUsage = 1U << 0,    ///< utime .. nivcsw: waitid(2)'s rusage
  kStat = 1U << 1,     ///< ppid, start_boot_us, comm, flags: /proc/PID/stat
  kIo = 1U << 2,       ///< rchar .. write_bytes: /proc/PID/io
  kIds = 1U << 3,      ///< uid, gid, the real ones: /proc/PID/status
  kJob = 1U << 4,      ///< jid: the job directory in /proc/PID/cgroup
  kStatus = 1U << 5,   ///< wait_status is true (clear: nobody could tell)
  kByScope = 1U << 6,  ///< `sequence` is the job's scope's (clear: reaper's)
  // Beside an ExitRecord, where the kernel collected them.
  kIntegrals = 1U << 7,    ///< of memory over processor time
  kVirtualPeak = 1U << 8,  ///< the most address space
  kCpuDelay = 1U << 9,     ///< waits for a processor
  kBlockDelay = 1U << 10,  ///< waits for block devices and for swap
  kRoundedIo = 1U << 11,   ///< kIo in whole KiB, and without the calls
};

struct ExitRecord {
  std::uint64_t sequence = 0;  ///< numbered from 1 by who reaped it
  std::uint64_t jid = 0;       ///< 0: in no job
  std::uint64_t order = 0;  ///< the launch that made it; 0: not launched here
  std::uint64_t start_boot_us = 0;  ///< CLOCK_BOOTTIME, from start_ticks
  std::uint64_t end_boot_us = 0;    ///< CLOCK_BOOTTIME when its end was seen
  std::uint64_t end_real_us = 0;    ///< CLOCK_REALTIME when its end was seen
  std::uint64_t utime_us = 0;       ///< includes waited-for children
  std::uint64_t stime_us = 0;       ///< includes waited-for children
  std::uint64_t maxrss_kib = 0;     ///< largest of itself and those children
  std::uint64_t minflt = 0;
  std::uint64_t majflt = 0;
  std::uint64_t nvcsw = 0;
  std::uint64_t nivcsw = 0;
  std::uint64_t rchar = 0;  ///< bytes, includes waited-for children
  std::uint64_t wchar = 0;  ///< bytes
  std::uint64_t syscr = 0;
  std::uint64_t syscw = 0;
  std::uint64_t read_bytes = 0;   ///< storage, bytes
  std::uint64_t write_bytes = 0;  ///< storage, bytes
  std::uint32_t present = 0;      ///< Counters
  std::int32_t wait_status = 0;   ///< as wait(2) gives it
  std::int32_t pid = 0;
  std::int32_t ppid = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t kernel_flags =
      0;  ///< PF_* of /proc/PID/stat (fork without exec)
  std::int32_t nice = 0;
  char comm[16] = {};  ///< not terminated when 16 long
  std::uint32_t reserved = 0;
  std::uint32_t checksum = 0;  ///< CRC-32C of all bytes before it

  [[nodiscard]] constexpr bool has(Counters counters) const {
    return (present & static_cast<std::uint32_t>(counters)) != 0;
  }
  constexpr void mark(Counters counters) {
    present |= static_cast<std::uint32_t>(counters);
  }
};

static_assert(std::is_trivially_copyable_v<ExitRecord>);
static_assert(sizeof(ExitRecord) == 208);

}  // namespace core
