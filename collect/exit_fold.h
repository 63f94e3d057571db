// SPDX-License-Identifier: Apache-2.0
// What taskstats tells of the threads of a process, thread by thread, folded
// into one record of the process (accounting/kernel_exit.h). Pure.
//
// taskstats rounds what was read and written down to whole KiB, and calls to
// whole 1024 (KB_MASK, kernel/tsacct.c): the calls are as good as not told.
#pragma once

#include <linux/acct.h>
#include <linux/taskstats.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "accounting/kernel_exit.h"

namespace collect {

/// The first version that tells processes from threads (ac_tgid, AGROUP).
inline constexpr std::uint16_t kOldestTaskstats = 12;

class ExitFold {
 public:
  /// `page_size`: bytes.
  explicit ExitFold(std::uint64_t page_size) : page_size_(page_size) {}

  void add(const taskstats& thread) {
    add_use(thread);
    if (thread.ac_pid == thread.ac_tgid || !has_leader_) describe(thread);
    if ((thread.ac_flag & AGROUP) == 0) return;
    is_dead_ = true;
    lived_us_ = thread.ac_tgetime;
    began_us_ = thread.ac_btime64 * kSecond + thread.ac_etime -
                std::min(thread.ac_tgetime,
                         thread.ac_etime + thread.ac_btime64 * kSecond);
  }

  /// The last thread has told its end; others may have, and be read later.
  [[nodiscard]] bool is_dead() const { return is_dead_; }
  /// CLOCK_REALTIME, to the second.
  [[nodiscard]] std::uint64_t began_us() const { return began_us_; }

  /// The process as a whole. `start_ns`: CLOCK_BOOTTIME. `has_delays`: the
  /// kernel counts them (kernel.task_delayacct).
  [[nodiscard]] corral_exit whole(std::uint64_t jid, std::uint64_t start_ns,
                                  bool has_delays) const {
    constexpr std::uint64_t kMicrosecond = 1000;
    corral_exit exit = exit_;
    exit.jid = jid;
    exit.start_boot_ns = start_ns;
    exit.end_boot_ns = start_ns + lived_us_ * kMicrosecond;
    exit.has = CORRAL_HAS_IO | CORRAL_ROUNDED_IO | CORRAL_HAS_INTEGRALS |
               CORRAL_HAS_VM_PEAK;
    if (has_delays) exit.has |= CORRAL_HAS_BLOCK_DELAY;
    // Each process had the processor once at least, if that is counted.
    if (exit.sums.cpu_count != 0)
      exit.has |= CORRAL_HAS_CPU_DELAY;
    else
      exit.used.runtime_ns = exit.used.utime_ns + exit.used.stime_ns;
    if (!knows_status()) exit.has |= CORRAL_NO_STATUS;
    return exit;
  }

 private:
  static constexpr std::uint64_t kSecond = 1000000;  // us

  /// Of a process that outlived its first thread the kernel tells nobody how it
  /// ended.
  [[nodiscard]] bool knows_status() const {
    constexpr std::uint64_t kSameEnd = 10000;  // us: threads end one by one
    return has_leader_ && leader_us_ + kSameEnd >= lived_us_;
  }

  void add_use(const taskstats& thread) {
    constexpr std::uint64_t kMicrosecond = 1000;
    // MB * us, back into the kernel's own pages * ns / 1024.
    const auto integral = [this](std::uint64_t mb_us) {
      constexpr std::uint64_t kScale = std::uint64_t{1000} * 1024;
      return mb_us * (kScale / 1024) / (page_size_ / 1024);
    };
    const auto pages = [this](std::uint64_t kib) {
      return kib / (page_size_ / 1024);
    };
    corral_group_sums& used = exit_.used;
    used.utime_ns += thread.ac_utime * kMicrosecond;
    used.stime_ns += thread.ac_stime * kMicrosecond;
    used.runtime_ns += thread.cpu_run_virtual_total;
    used.minflt += thread.ac_minflt;
    used.majflt += thread.ac_majflt;
    used.nvcsw += thread.nvcsw;
    used.nivcsw += thread.nivcsw;
    corral_thread_sums& sums = exit_.sums;
    sums.rchar += thread.read_char;
    sums.wchar += thread.write_char;
    sums.syscr += thread.read_syscalls;
    sums.syscw += thread.write_syscalls;
    sums.read_bytes += thread.read_bytes;
    sums.write_bytes += thread.write_bytes;
    sums.rss_integral += integral(thread.coremem);
    sums.vm_integral += integral(thread.virtmem);
    sums.cpu_count += thread.cpu_count;
    sums.cpu_delay_ns += thread.cpu_delay_total;
    sums.blkio_count += thread.blkio_count;
    sums.blkio_delay_ns += thread.blkio_delay_total;
    sums.swapin_count += thread.swapin_count;
    sums.swapin_delay_ns += thread.swapin_delay_total;
    exit_.rss_peak_pages = std::max<std::uint64_t>(exit_.rss_peak_pages,
                                                   pages(thread.hiwater_rss));
    exit_.vm_peak_pages =
        std::max<std::uint64_t>(exit_.vm_peak_pages, pages(thread.hiwater_vm));
  }

  void describe(const taskstats& thread) {
    struct Row {
      unsigned told;
      std::uint32_t flag;  // PF_*, include/linux/sched.h
    };
    constexpr Row kRows[] = {{.told = AFORK, .flag = 0x40},
                             {.told = ASU, .flag = 0x100},
                             {.told = ACORE, .flag = 0x200},
                             {.told = AXSIG, .flag = 0x400}};
    has_leader_ = thread.ac_pid == thread.ac_tgid;
    leader_us_ = thread.ac_etime;
    exit_.pid = static_cast<std::int32_t>(thread.ac_tgid);
    exit_.ppid = static_cast<std::int32_t>(thread.ac_ppid);
    exit_.status = static_cast<std::int32_t>(thread.ac_exitcode);
    exit_.uid = thread.ac_uid;
    exit_.gid = thread.ac_gid;
    exit_.nice = static_cast<std::int8_t>(thread.ac_nice);
    exit_.flags = 0;
    for (const Row& row : kRows)
      if ((thread.ac_flag & row.told) != 0) exit_.flags |= row.flag;
    std::memcpy(exit_.comm, thread.ac_comm, sizeof exit_.comm);
  }

  std::uint64_t page_size_;
  corral_exit exit_ = {};
  std::uint64_t lived_us_ = 0;
  std::uint64_t began_us_ = 0;
  std::uint64_t leader_us_ = 0;
  bool has_leader_ = false;
  bool is_dead_ = false;
};

}  // namespace collect
