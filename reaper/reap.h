// SPDX-License-Identifier: Apache-2.0
// Dead children: look at one without taking it, write down what the kernel
// still knows of it, then take it. What was not recorded is still a zombie; an
// entrypoint, which records nothing, may take one without a look.
#pragma once

#include <signal.h>
#include <sys/auxv.h>
#include <sys/wait.h>

#include <cstdint>
#include <cstring>
#include <optional>

#include "core/exit_record.h"
#include "core/ids.h"
#include "sys/clock.h"
#include "sys/proc_files.h"
#include "sys/wait_id.h"

namespace reaper {

/// A dead child of ours.
struct DeadChild {
  core::Pid pid;
  bool is_zombie = true;         ///< not waited for yet: /proc/PID is it
  std::int32_t wait_status = 0;  ///< as wait(2) gives it
  sys::KernelUsage usage;
};

/// A waitid(2) status as the one word of wait(2).
inline std::int32_t wait_status_of(const siginfo_t& info) {
  switch (info.si_code) {
    case CLD_EXITED:
      return (info.si_status & 0xFF) << 8;
    case CLD_DUMPED:
      return (info.si_status & 0x7F) | 0x80;
    default:
      return info.si_status & 0x7F;
  }
}

namespace detail {

enum class Usage : char { kNone, kAsked };

inline std::optional<DeadChild> wait_for(idtype_t kind, core::Pid pid,
                                         int options, Usage usage) {
  siginfo_t info;
  DeadChild child;
  if (!sys::wait_id(kind, pid, info, WEXITED | options,
                    usage == Usage::kAsked ? &child.usage : nullptr) ||
      info.si_pid == 0)
    return std::nullopt;
  child.pid = core::Pid(info.si_pid);
  child.is_zombie = (options & WNOWAIT) != 0;
  child.wait_status = wait_status_of(info);
  return child;
}

inline std::uint64_t microseconds_of(long seconds, long microseconds) {
  return static_cast<std::uint64_t>(seconds) * 1000000U +
         static_cast<std::uint64_t>(microseconds);
}

inline void add_usage(core::ExitRecord& record, const sys::KernelUsage& usage) {
  record.utime_us =
      microseconds_of(usage.user_seconds, usage.user_microseconds);
  record.stime_us =
      microseconds_of(usage.system_seconds, usage.system_microseconds);
  record.maxrss_kib = static_cast<std::uint64_t>(usage.maxrss_kib);
  record.minflt = static_cast<std::uint64_t>(usage.minflt);
  record.majflt = static_cast<std::uint64_t>(usage.majflt);
  record.nvcsw = static_cast<std::uint64_t>(usage.nvcsw);
  record.nivcsw = static_cast<std::uint64_t>(usage.nivcsw);
  record.mark(core::Counters::kUsage);
}

inline void add_stat(core::ExitRecord& record, const sys::ProcStat& stat) {
  const std::uint64_t ticks_a_second = ::getauxval(AT_CLKTCK);
  record.ppid = stat.ppid;
  record.kernel_flags = stat.flags;
  record.nice = stat.nice;
  record.start_boot_us = stat.start_ticks * (1000000U / ticks_a_second);
  std::memcpy(record.comm, stat.comm, sizeof record.comm);
  record.mark(core::Counters::kStat);
}

inline void add_io(core::ExitRecord& record, const sys::ProcIo& io) {
  record.rchar = io.rchar;
  record.wchar = io.wchar;
  record.syscr = io.syscr;
  record.syscw = io.syscw;
  record.read_bytes = io.read_bytes;
  record.write_bytes = io.write_bytes;
  record.mark(core::Counters::kIo);
}

}  // namespace detail

/// A dead child, left a zombie. It is the same one until it is taken.
[[nodiscard]] inline std::optional<DeadChild> peek_dead_child() {
  return detail::wait_for(P_ALL, core::Pid(), WNOWAIT | __WALL,
                          detail::Usage::kAsked);
}

/// Likewise, but blind to a child that ends without SIGCHLD: the sentinel.
[[nodiscard]] inline std::optional<DeadChild> peek_dead_descendant() {
  return detail::wait_for(P_ALL, core::Pid(), WNOWAIT, detail::Usage::kAsked);
}

/// Likewise, but its status only: to add up what it used is half of the cost.
[[nodiscard]] inline std::optional<DeadChild> peek_end_of_descendant() {
  return detail::wait_for(P_ALL, core::Pid(), WNOWAIT, detail::Usage::kNone);
}

/// The next dead descendant, waited for without a look at it first.
[[nodiscard]] inline std::optional<DeadChild> take_dead_descendant() {
  return detail::wait_for(P_ALL, core::Pid(), 0, detail::Usage::kNone);
}

/// A dead child of this pid, left a zombie.
[[nodiscard]] inline std::optional<DeadChild> peek_dead_child(core::Pid pid) {
  return detail::wait_for(P_PID, pid, WNOWAIT | __WALL, detail::Usage::kAsked);
}

/// Waits for the dead child `pid` for good; its usage is not asked for. Nothing
/// if it lives.
inline std::optional<DeadChild> take_dead_child(core::Pid pid) {
  return detail::wait_for(P_PID, pid, __WALL, detail::Usage::kNone);
}

/// Whether we have any child, dead or alive.
[[nodiscard]] inline bool has_children() {
  siginfo_t info;
  return sys::wait_id(P_ALL, core::Pid(), info, WEXITED | WNOWAIT | __WALL);
}

/// Likewise, without the sentinel.
[[nodiscard]] inline bool has_descendants() {
  siginfo_t info;
  return sys::wait_id(P_ALL, core::Pid(), info, WEXITED | WNOWAIT);
}

/// What is wanted of a zombie beside its status and usage: each file of /proc
/// costs a hundredth of a short command.
enum class Wanted : char { kUsage, kIo, kAll };

/// Of corral-reaper alone; each program's main says it. One job's own reaper
/// takes the innermost name: where an instance runs in its job, that one has a
/// reaper for its own.
extern const bool kIsOfInstance;

/// Whose it was.
inline void add_job(core::ExitRecord& record) {
  const core::Pid pid(record.pid);
  const auto job =
      kIsOfInstance ? sys::read_proc_job(pid) : sys::read_innermost_job(pid);
  if (!job || *job == core::kNoJob) return;
  record.jid = job->raw();
  record.mark(core::Counters::kJob);
}

/// It is the job's whose reaper this is, unless it said otherwise.
inline void add_own_job(core::ExitRecord& record, core::JobId jid) {
  if (record.has(core::Counters::kJob)) return;
  record.jid = jid.raw();
  record.mark(core::Counters::kJob);
}

/// What is known of a zombie, but for `sequence` and `order`.
[[nodiscard, gnu::noinline]] inline core::ExitRecord examine(
    const DeadChild& child, Wanted wanted = Wanted::kAll) {
  core::ExitRecord record;
  const core::Moment now = sys::now();
  record.pid = child.pid.raw();
  record.wait_status = child.wait_status;
  record.mark(core::Counters::kStatus);
  record.end_boot_us = now.boot.raw();
  record.end_real_us = now.real.raw();
  detail::add_usage(record, child.usage);
  if (wanted == Wanted::kUsage) return record;
  if (const auto io = sys::read_proc_io(child.pid)) detail::add_io(record, *io);
  if (wanted == Wanted::kIo) return record;
  if (const auto stat = sys::read_proc_stat(child.pid))
    detail::add_stat(record, *stat);
  if (const auto ids = sys::read_proc_ids(child.pid)) {
    record.uid = ids->uid.raw();
    record.gid = ids->gid.raw();
    record.mark(core::Counters::kIds);
  }
  add_job(record);
  return record;
}

}  // namespace reaper
