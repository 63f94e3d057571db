// SPDX-License-Identifier: Apache-2.0
#include "supervisor/inspector.h"

#include <poll.h>

#include <utility>

#include "supervisor/followed_members.h"
#include "supervisor/log.h"
#include "sys/clock.h"
#include "sys/proc_files.h"

namespace supervisor {

namespace {

/// How long a reaper may take to report a main process whose container is
/// empty already, before its status is called unknown.
constexpr core::Microseconds kReportPatience = core::seconds(2);

/// Whether a reading could change anything.
bool is_worth_reading(const core::Job& job) {
  if (job.state == core::JobState::kEnding) return true;
  return job.state == core::JobState::kRunning &&
         (!core::owes_status(job) || job.reaper_was_lost ||
          job.main == core::Pid(0));
}

bool has_exited(int pidfd) {
  pollfd poll = {.fd = pidfd, .events = POLLIN, .revents = 0};
  return ::poll(&poll, 1, 0) == 1;
}

}  // namespace

void Inspector::inspect_soon(core::JobId jid) {
  const bool was_idle = wanted_.empty();
  wanted_.insert(jid);
  if (was_idle)
    loop_.defer([this] {
      for (const core::JobId wanted : std::exchange(wanted_, {}))
        inspect(wanted);
      if (std::exchange(barrier_is_due_, false)) send_barrier_(last_barrier_);
    });
}

void Inspector::tell_empty_soon(core::JobId jid) {
  if (!std::exchange(barrier_is_due_, true)) ++last_barrier_;
  empty_[jid] = last_barrier_;
}

void Inspector::on_barrier(std::uint64_t number) {
  for (auto at = empty_.begin(); at != empty_.end();) {
    if (at->second > number) {
      ++at;
      continue;
    }
    const TableEntry* const entry = table_.find(at->first);
    at = empty_.erase(at);
    if (entry != nullptr && is_worth_reading(entry->job))
      tell_empty(entry->job);
  }
}

void Inspector::inspect(core::JobId jid) {
  const TableEntry* const entry = table_.find(jid);
  if (entry == nullptr || !is_worth_reading(entry->job)) return;
  if (core::has_cgroup(entry->job.engine))
    inspect_cgroup(entry->job);
  else
    inspect_scope(entry->job);
}

void Inspector::inspect_cgroup(const core::Job& job) {
  auto is_populated = containers_.is_populated(job.jid);
  if (is_populated && *is_populated) {
    watch_.watch_container(job.jid, containers_.events_path(job.jid));
    // It may have become empty before the watch stood.
    is_populated = containers_.is_populated(job.jid);
  }
  if (!is_populated) {
    spdlog::error("cannot read the container of job {}: {}; trying again",
                  core::display(job.jid).view(),
                  text_of(is_populated.error().message()));
    Timer& retry = patience_[job.jid];
    retry = Timer(loop_, [this, jid = job.jid] { inspect_soon(jid); });
    retry.set(sys::boot_now() + core::seconds(1));
    return;
  }
  if (*is_populated || core::has_followed(job))
    tell(job, containers_.inhabitants(job.jid));
  else if (scopes_.is_open(job.jid))
    scopes_.inspect(job.jid);  // its answer comes after the last exits
  else
    tell_empty_soon(job.jid);
}

void Inspector::inspect_scope(const core::Job& job) {
  if (scopes_.is_open(job.jid)) return scopes_.inspect(job.jid);
  // Its scope is gone: what it ran is followed by the main process alone.
  const int main = handles_.find(job.jid, HandleKind::kMain);
  if (!core::has_followed(job) && (main < 0 || has_exited(main)))
    return tell_empty(job);
  tell(job, {.count = 1, .names = {}});
}

void Inspector::on_answer(core::JobId jid, const Inhabitants& found) {
  const TableEntry* const entry = table_.find(jid);
  if (entry == nullptr || !is_worth_reading(entry->job)) return;
  // What taskstats tells of those who ended may not be read yet.
  if (found.count == 0 && core::has_followed(entry->job))
    tell(entry->job, found);
  else if (found.count == 0 &&
           entry->job.collector == core::Collector::kTaskstats) {
    tell_empty_soon(jid);
    loop_.defer([this] {
      if (std::exchange(barrier_is_due_, false)) send_barrier_(last_barrier_);
    });
  } else if (found.count == 0)
    tell_empty(entry->job);
  else
    tell(entry->job, found);
}

void Inspector::tell(const core::Job& job, const Inhabitants& found) {
  if (job.state != core::JobState::kEnding && !core::awaits_first(job)) return;
  if (job.stragglers != 0 && job.kill.step != core::KillStep::kNone) return;
  core::event::Populated populated{.count = found.count, .names = found.names};
  for (const core::Pid pid : followed_members(job, followed_)) {
    ++populated.count;
    const auto stat = sys::read_proc_stat(pid);
    if (!stat) continue;
    if (!populated.names.empty()) populated.names.append(", ");
    populated.names.append(stat->name());
  }
  sink_.post(job.jid, populated);
}

void Inspector::tell_empty(const core::Job& job) {
  if (job.is_held || core::has_followed(job)) return;
  if (job.state == core::JobState::kRunning && core::owes_status(job)) {
    // Nobody may be left to tell its status; a living reaper gets its chance.
    if (handles_.find(job.jid, HandleKind::kMain) >= 0) return;
    Timer& patience = patience_[job.jid];
    if (patience.is_set()) return;
    patience = Timer(loop_, [this, jid = job.jid] {
      sink_.post(jid, core::event::MainStatusLearned{});
    });
    patience.set(sys::boot_now() + kReportPatience);
    return;
  }
  patience_.erase(job.jid);
  core::event::Emptied emptied;
  if (core::has_cgroup(job.engine)) {
    emptied.totals = containers_.totals(job.jid);
    emptied.peaks = containers_.peaks(job.jid);
    if (add_count_) add_count_(job, emptied.totals);
  }
  const std::uint64_t cgroup =
      core::has_cgroup(job.engine) ? containers_.id(job.jid).value_or(0) : 0;
  add_followed(job, followed_, cgroup, emptied.totals);
  sink_.post(job.jid, emptied);
}

void Inspector::forget(core::JobId jid) {
  wanted_.erase(jid);
  empty_.erase(jid);
  patience_.erase(jid);
}

}  // namespace supervisor
