// SPDX-License-Identifier: Apache-2.0
#include "supervisor/followers.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "supervisor/followed_members.h"
#include "sys/clock.h"
#include "sys/proc_files.h"

namespace supervisor {

namespace {

/// 10, 20 and 40 ms: who reaps takes less, or a long time.
constexpr int kMostTries = 3;

/// What is known of a process now, alive or a zombie.
void describe(core::ExitRecord& record, core::Pid pid,
              const sys::ProcStat& stat) {
  static const auto kTicks =
      static_cast<std::uint64_t>(std::max(::sysconf(_SC_CLK_TCK), 1L));
  record.ppid = stat.ppid;
  record.kernel_flags = stat.flags;
  record.nice = stat.nice;
  record.start_boot_us = stat.start_ticks * (1000000U / kTicks);
  std::memcpy(record.comm, stat.comm, sizeof record.comm);
  record.mark(core::Counters::kStat);
  if (const auto ids = sys::read_proc_ids(pid)) {
    record.uid = ids->uid.raw();
    record.gid = ids->gid.raw();
    record.mark(core::Counters::kIds);
  }
}

void note_end(core::ExitRecord& record) {
  const core::Moment now = sys::now();
  record.end_boot_us = now.boot.raw();
  record.end_real_us = now.real.raw();
}

}  // namespace

void Followers::watch(const core::Job& job) {
  const auto is_followed = [&job](core::Pid pid) {
    return job.followed && job.followed->has(pid);
  };
  std::erase_if(watched_, [&](const auto& one) {
    return one.first.first == job.jid && !is_followed(one.first.second);
  });
  collection_.keep_followed(job);
  if (!job.followed) return;
  for (const core::Followed& process : job.followed->living)
    if (!watched_.contains({job.jid, process.pid})) begin(job, process);
}

void Followers::begin(const core::Job& job, const core::Followed& process) {
  const core::JobId jid = job.jid;
  core::ExitRecord record;
  record.pid = process.pid.raw();
  auto pidfd = sys::PidFd::open(process.pid);
  const auto stat = sys::read_proc_stat(process.pid);
  // Its number may be another's by now.
  if (!pidfd || !stat || stat->start_ticks != process.start_ticks)
    return tell(jid, record, process.start_ticks, std::nullopt);
  if (job.collector == core::Collector::kEbpf)
    if (const auto id = containers_.id(jid))
      collection_.follow({.jid = jid, .cgroup = *id}, process);
  describe(record, process.pid, *stat);
  const Key key(jid, process.pid);
  One& one = watched_[key];
  one.pidfd = *std::move(pidfd);
  one.record = record;
  one.start_ticks = process.start_ticks;
  one.retry = Timer(loop_, [this, key] { ask_status(key); });
  one.watch = IoWatch(loop_, one.pidfd.get(), Readiness::kRead,
                      [this, key](Readiness) { on_end(key); });
}

/// Before whoever is its parent takes it. The key is a copy: what was captured
/// goes with the watch.
void Followers::on_end(Key key) {
  One& one = watched_[key];
  one.watch.want(Readiness::kNone);
  note_end(one.record);
  const auto used = cpu_use_of(key.second);
  const auto stat = sys::read_proc_stat(key.second);
  // If it is still there now it was when the rest was read.
  const bool is_it = stat && stat->state == 'Z' &&
                     one.pidfd.signal(core::SignalNumber(0)).has_value();
  if (is_it) {
    one.used = used;
    describe(one.record, key.second, *stat);
  }
  ask_status(key);
}

void Followers::ask_status(Key key) {
  One& one = watched_[key];
  const auto status = sys::exit_status_of(one.pidfd.get());
  if (!status && one.tries < kMostTries) {
    one.retry.set(sys::boot_now() +
                  core::milliseconds(std::uint64_t{10} << one.tries++));
    return;
  }
  if (status) {
    one.record.wait_status = *status;
    one.record.mark(core::Counters::kStatus);
  }
  const core::ExitRecord record = one.record;
  const auto used = one.used;
  const std::uint64_t start_ticks = one.start_ticks;
  watched_.erase(key);
  tell(key.first, record, start_ticks, used);
}

void Followers::tell(core::JobId jid, core::ExitRecord record,
                     std::uint64_t start_ticks,
                     std::optional<core::CpuUse> used) {
  record.jid = jid.raw();
  if (collection_.followed().has_told(core::Pid(record.pid), start_ticks))
    record.mark(kCollected);
  record.mark(core::Counters::kJob);
  if (record.end_boot_us == 0) note_end(record);
  sink_.post(jid, core::event::FollowedEnded{.record = record, .used = used});
}

void Followers::forget(core::JobId jid) {
  std::erase_if(watched_,
                [jid](const auto& one) { return one.first.first == jid; });
}

}  // namespace supervisor
