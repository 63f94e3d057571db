// SPDX-License-Identifier: Apache-2.0
// A process that the kernel told of (by eBPF or taskstats), to the bytes of one
// append: acctcsa, acctmem, and acctio and acctdelay as far as they were
// collected, and the site's record. Apart from csa_encode.h, which is in the
// reaper's programs too. Pure.
#pragma once

#include <cstdint>
#include <cstring>

#include "accounting/csa_encode.h"
#include "accounting/kernel_exit.h"
#include "core/collector.h"
#include "core/gpid.h"

namespace accounting {

/// What the kernel's own units are, how its clocks stand to each other, and who
/// read them.
struct KernelUnits {
  std::uint64_t page_size = 4096;
  std::uint64_t booted_us = 0;  ///< CLOCK_REALTIME less CLOCK_BOOTTIME
  core::Collector collector = core::Collector::kEbpf;
};

namespace detail {

inline constexpr std::uint64_t kNanoseconds = 1000;  ///< in a microsecond

/// `number` * `counter` / `denominator`; the last two are below 2^32.
constexpr std::uint64_t part_of(std::uint64_t number, std::uint64_t counter,
                                std::uint64_t denominator) {
  return number / denominator * counter +
         number % denominator * counter / denominator;
}

/// User and system time, which the kernel counts by ticks, as parts of the time
/// that it knows exactly: what wait4(2) tells (cputime_adjust(),
/// kernel/sched/cputime.c).
inline void add_times(core::ExitRecord& record, const corral_group_sums& used) {
  std::uint64_t ticks = used.utime_ns + used.stime_ns;
  std::uint64_t system_ticks = used.stime_ns;
  for (; ticks >> 32U != 0; ticks >>= 1U)  // so that no product overflows
    system_ticks >>= 1U;
  const std::uint64_t system_ns =
      ticks == 0 ? 0 : part_of(used.runtime_ns, system_ticks, ticks);
  record.stime_us = system_ns / kNanoseconds;
  record.utime_us = (used.runtime_ns - system_ns) / kNanoseconds;
}

/// The parts that are a record of the reaper's too.
inline core::ExitRecord record_of(const corral_exit& exit,
                                  const KernelUnits& units) {
  core::ExitRecord record;
  record.jid = exit.jid;
  record.start_boot_us = exit.start_boot_ns / kNanoseconds;
  record.end_boot_us = exit.end_boot_ns / kNanoseconds;
  record.end_real_us = units.booted_us + record.end_boot_us;
  add_times(record, exit.used);
  record.maxrss_kib = exit.rss_peak_pages * units.page_size / 1024;
  record.minflt = exit.used.minflt;
  record.majflt = exit.used.majflt;
  record.nvcsw = exit.used.nvcsw;
  record.nivcsw = exit.used.nivcsw;
  record.rchar = exit.sums.rchar;
  record.wchar = exit.sums.wchar;
  record.syscr = exit.sums.syscr;
  record.syscw = exit.sums.syscw;
  record.read_bytes = exit.sums.read_bytes;
  record.write_bytes = exit.sums.write_bytes;
  record.wait_status = exit.status;
  record.pid = exit.pid;
  record.ppid = exit.ppid;
  record.uid = exit.uid;
  record.gid = exit.gid;
  record.kernel_flags = exit.flags;
  record.nice = exit.nice;
  std::memcpy(record.comm, exit.comm, sizeof record.comm);
  struct Row {
    std::uint32_t told;
    core::Counters counters;
  };
  constexpr Row kRows[] = {
      {.told = CORRAL_HAS_IO, .counters = core::Counters::kIo},
      {.told = CORRAL_HAS_INTEGRALS, .counters = core::Counters::kIntegrals},
      {.told = CORRAL_HAS_VM_PEAK, .counters = core::Counters::kVirtualPeak},
      {.told = CORRAL_HAS_CPU_DELAY, .counters = core::Counters::kCpuDelay},
      {.told = CORRAL_HAS_BLOCK_DELAY, .counters = core::Counters::kBlockDelay},
      {.told = CORRAL_ROUNDED_IO, .counters = core::Counters::kRoundedIo},
  };
  for (const Row& row : kRows)
    if ((exit.has & row.told) != 0) record.mark(row.counters);
  for (const core::Counters counters :
       {core::Counters::kUsage, core::Counters::kStat, core::Counters::kIds,
        core::Counters::kJob})
    record.mark(counters);
  if ((exit.has & CORRAL_NO_STATUS) == 0) record.mark(core::Counters::kStatus);
  return record;
}

/// Pages * ns / 1024, as the kernel adds them up, in CSA's MB * usec
/// (xacct_add_tsk(), kernel/tsacct.c).
inline std::uint64_t integral_of(std::uint64_t sum, const KernelUnits& units) {
  constexpr std::uint64_t kScale = std::uint64_t{1000} * 1024;
  return part_of(sum, units.page_size, kScale);
}

inline csa::Mem kernel_memory_of(const core::ExitRecord& record,
                                 const corral_exit& exit,
                                 const KernelUnits& units) {
  csa::Mem memory = memory_of(record, false);
  if (record.has(core::Counters::kVirtualPeak))
    memory.virt.himem = exit.vm_peak_pages * units.page_size / 1024;
  if (record.has(core::Counters::kIntegrals)) {
    memory.core.mem1 = integral_of(exit.sums.rss_integral, units);
    memory.virt.mem1 = integral_of(exit.sums.vm_integral, units);
  }
  return memory;
}

inline csa::Delay delay_of(const core::ExitRecord& record,
                           const corral_exit& exit) {
  csa::Delay delay = {};
  delay.head = csa::make_head(csa::RecordType::kDelay, sizeof delay);
  delay.cpu_count = exit.sums.cpu_count;
  delay.cpu_delay_total = exit.sums.cpu_delay_ns;
  delay.cpu_run_real_total = (record.utime_us + record.stime_us) * kNanoseconds;
  delay.cpu_run_virtual_total = exit.used.runtime_ns;
  if (!record.has(core::Counters::kBlockDelay)) return delay;
  delay.blkio_count = exit.sums.blkio_count;
  delay.blkio_delay_total = exit.sums.blkio_delay_ns;
  delay.swapin_count = exit.sums.swapin_count;
  delay.swapin_delay_total = exit.sums.swapin_delay_ns;
  return delay;
}

}  // namespace detail

/// `key`: the ring's id and the record's number in it.
inline RecordBytes encode(const RecordKey& key, const corral_exit& exit,
                          const KernelUnits& units) {
  RecordBytes bytes;
  const ProcessEnd end{
      .key = key, .record = detail::record_of(exit, units), .inclusive = false};
  const bool has_io = end.record.has(core::Counters::kIo);
  const bool has_delay = end.record.has(core::Counters::kCpuDelay);
  csa::Csa base = detail::base_of(end.record);
  base.prid = exit.project_id;
  base.head.flag |= csa::kMoreFollow;
  base.second = csa::make_second_head(
      csa::RecordType::kCsa,
      static_cast<std::uint8_t>(csa::kHasMem | (has_io ? csa::kHasIo : 0) |
                                (has_delay ? csa::kHasDelay : 0)),
      sizeof(csa::Mem) + (has_io ? sizeof(csa::Io) : 0) +
          (has_delay ? sizeof(csa::Delay) : 0));
  csa::Mem memory = detail::kernel_memory_of(end.record, exit, units);
  if (has_io || has_delay) memory.head.flag |= csa::kMoreFollow;
  csa::Io io = detail::io_of(end.record);
  if (has_delay) io.head.flag |= csa::kMoreFollow;
  detail::put(bytes, base);
  detail::put(bytes, memory);
  if (has_io) detail::put(bytes, io);
  if (has_delay) detail::put(bytes, detail::delay_of(end.record, exit));
  SiteProcess site = detail::site_of(end);
  site.collector = static_cast<std::uint32_t>(units.collector);
  site.gpid =
      core::make_gpid({}, core::Pid(static_cast<std::int32_t>(exit.pid))).raw();
  detail::put_last(bytes, site);
  return bytes;
}

}  // namespace accounting
