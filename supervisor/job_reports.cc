// SPDX-License-Identifier: Apache-2.0
#include "supervisor/job_reports.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/launch_stage.h"
#include "supervisor/candidate.h"
#include "supervisor/job_members.h"
#include "supervisor/log.h"
#include "sys/clock.h"
#include "sys/pid_fd.h"
#include "sys/proc_files.h"

namespace supervisor {

namespace {

namespace event = core::event;

/// How long a scope may take to have the command executed; the reaper has as
/// long for the scope itself.
constexpr core::Microseconds kScopePatience = core::seconds(30);
/// Half of what 32 bits of microseconds can tell.
constexpr core::Microseconds kLongestLaunch = core::seconds(2147);

/// What the failure's sentence is about: the program, the directory, the user.
core::Text<96> subject_of(const core::Job& job, core::LaunchStage stage) {
  switch (stage) {
    case core::LaunchStage::kExec:
      return job.spec.argv.empty() ? std::string_view()
                                   : std::string_view(job.spec.argv.front());
    case core::LaunchStage::kDirectory:
      return std::string_view(job.spec.cwd);
    case core::LaunchStage::kGroups:
    case core::LaunchStage::kUser:
      return std::string_view(job.spec.user);
    default:
      return {};
  }
}

core::LaunchStage stage_of(std::uint32_t number) {
  return static_cast<core::LaunchStage>(
      std::min(number, static_cast<std::uint32_t>(core::LaunchStage::kLast)));
}

/// When the process was cloned, which is told by halves.
core::Moment cloned(const reaper::Launched& launched, const core::Moment& now) {
  if (launched.cloned_us == 0) return now;
  const std::uint32_t ago =
      static_cast<std::uint32_t>(now.boot.raw()) - launched.cloned_us;
  if (ago > kLongestLaunch.raw()) return now;
  return {.boot = core::BootTime(now.boot.raw() - ago),
          .real = core::RealTime(now.real.raw() - ago)};
}

/// Whether we may signal it for the job: of a user's scope, who could name
/// anybody's process, if all of it is his, or it is the child of a scope that
/// is (sudo(8)). Who was reaped gets no signal any more.
bool may_be_main(const core::Job& job, core::Pid scope,
                 const sys::UniqueFd& pidfd) {
  if (!is_of_users_scope(job)) return true;
  const sys::PidFd process{pidfd.duplicate().value_or(sys::UniqueFd())};
  const auto pid = pid_of(process.get());
  if (!pid) return pid.error().why == core::Refusal::kNoSuchProcess;
  const auto stat = sys::read_proc_stat(*pid);
  const bool is_his =
      is_all_of(*pid, job.owner) ||
      (stat && core::Pid(stat->ppid) == scope && is_all_of(scope, job.owner));
  const bool was_it = process.signal(core::SignalNumber(0)).has_value();
  return is_his || !was_it;
}

bool is_live(const core::Job& job) {
  return job.state == core::JobState::kRunning ||
         job.state == core::JobState::kEnding;
}

}  // namespace

void JobReports::resume_from(
    std::uint64_t last_exit,
    const std::map<core::JobId, std::uint64_t>& scope_exits) {
  seen_ = acknowledged_ = last_exit;
  // Perhaps not acknowledged, and this journal may be compacted without them.
  for (const auto& [jid, sequence] : scope_exits) {
    scopes_seen_[jid] = {.seen = sequence, .acknowledged = 0};
    scopes_due_.insert(jid);
  }
}

void JobReports::acknowledge() {
  if (seen_ > acknowledged_) {
    reaper_->acknowledge_records(seen_);
    acknowledged_ = seen_;
  }
  for (const core::JobId jid : std::exchange(scopes_due_, {})) {
    ScopeSequence& sequence = scopes_seen_[jid];
    if (sequence.seen == sequence.acknowledged) continue;
    if (!parts_.scopes.is_open(jid)) {
      scopes_due_.insert(jid);  // it is about to be
      continue;
    }
    parts_.scopes.acknowledge_records(jid, sequence.seen);
    sequence.acknowledged = sequence.seen;
  }
  if (launches_due_.empty()) return;
  // Not before: a successor that does not know of the launch orders it again,
  // with the end that the scope has and the streams that the job was lent.
  for (const core::JobId jid : launches_due_)
    for (const HandleKind kind : {HandleKind::kInput, HandleKind::kOutput,
                                  HandleKind::kError, HandleKind::kScope})
      parts_.handles.drop(jid, kind);
  // Those of now: what is reported meanwhile is not in the journal yet.
  parts_.store.when_flushed([this, due = std::exchange(launches_due_, {})] {
    for (const core::JobId jid : due)
      reaper_->acknowledge_launch(jid);
  });
}

void JobReports::forget(core::JobId jid) {
  scope_patience_.erase(jid);
  scopes_seen_.erase(jid);
  scopes_due_.erase(jid);
}

void JobReports::on_welcome(const reaper::Welcome& welcome) {
  // Numbers that begin again are those of a reaper without the old one's ring.
  if (welcome.next_sequence <= seen_) forget_reaper();
  handlers_.on_welcome(welcome);
}

void JobReports::post_failure(const core::Job& job,
                              const reaper::Launched& failed) {
  const core::LaunchStage stage = stage_of(failed.stage);
  parts_.sink.post(
      job.jid,
      event::LaunchFailed{.failure = {.stage = stage, .code = failed.code},
                          .detail = subject_of(job, stage)});
}

void JobReports::on_launched(const reaper::Launched& launched,
                             sys::UniqueFd pidfd) {
  const core::JobId jid =
      core::make_job_id(parts_.hid, static_cast<std::uint32_t>(launched.order));
  const TableEntry* const entry = parts_.table.find(jid);
  if (entry == nullptr || entry->job.state != core::JobState::kLaunching) {
    launches_due_.insert(jid);  // repeated: the journal has it
    return parts_.sink.settle();
  }
  const core::Job& job = entry->job;
  if (launched.pid == 0) {
    launches_due_.insert(jid);
    return post_failure(job, launched);
  }
  // Of a scope we wait to hear that it has launched the command.
  if (core::has_own_reaper(job.engine)) return await_scope(jid);
  launches_due_.insert(jid);
  if (pidfd.is_open())
    parts_.handles.put(jid, HandleKind::kMain, std::move(pidfd));
  parts_.sink.post_at(jid, cloned(launched, sys::now()),
                      event::Launched{core::Pid(launched.pid)});
}

void JobReports::await_scope(core::JobId jid) {
  Timer& patience = scope_patience_[jid];
  if (patience.is_set()) return;
  patience = Timer(parts_.loop, [this, jid] {
    reaper::Launched stuck;
    stuck.order = core::sequence_of(jid);
    stuck.stage = static_cast<std::uint32_t>(core::LaunchStage::kExec);
    stuck.code = ETIME;
    on_scope_failed(jid, stuck);
  });
  patience.set(sys::boot_now() + kScopePatience);
}

void JobReports::on_reaper_exit(const core::ExitRecord& record) {
  if (record.sequence <= seen_) return;
  seen_ = record.sequence;
  const core::JobId jid =
      record.jid != 0 || record.order == 0
          ? core::JobId(record.jid)
          : core::make_job_id(parts_.hid,
                              static_cast<std::uint32_t>(record.order));
  const TableEntry* const entry = parts_.table.find(jid);
  if (entry == nullptr) return handlers_.on_stray(jid);
  const bool is_scope = core::has_own_reaper(entry->job.engine) &&
                        record.order == core::sequence_of(jid);
  if (is_scope) {
    if (entry->job.state == core::JobState::kLaunching) on_scope_gone(jid);
    return;  // later its link's end tells
  }
  core::ExitRecord own = record;
  own.jid = jid.raw();
  parts_.sink.post(jid, event::ProcessExited{own});
}

void JobReports::on_new_store(StoreEnds store) {
  handlers_.on_new_store(std::move(store));
}

void JobReports::on_reaper_signalled(const reaper::SignalSeen& seen) {
  handlers_.on_signalled(seen);
}

void JobReports::on_barrier(std::uint64_t number) {
  parts_.inspector.on_barrier(number);
}

void JobReports::on_reexec_refused(const reaper::Refused& refused) {
  handlers_.on_reexec_refused(refused);
}

void JobReports::on_reaper_gone() {
  handlers_.on_reaper_gone();
}

void JobReports::on_scope_launched(core::JobId jid,
                                   const reaper::ScopeLaunched& launched,
                                   sys::UniqueFd pidfd) {
  scope_patience_.erase(jid);
  const TableEntry* const entry = parts_.table.find(jid);
  if (entry == nullptr) return;
  if (entry->job.spec.kind == core::JobKind::kDetached)
    launches_due_.insert(jid);
  if (entry->job.state != core::JobState::kLaunching) return;
  if (parts_.places.is_needed(jid))
    return on_placed_launched(jid, core::Pid(launched.pid));
  if (pidfd.is_open() &&
      may_be_main(entry->job, core::Pid(launched.scope_pid), pidfd))
    parts_.handles.put(jid, HandleKind::kMain, std::move(pidfd));
  parts_.sink.post(jid, event::Launched{core::Pid(launched.pid)});
}

/// Who was moved is believed, not who is told.
void JobReports::on_placed_launched(core::JobId jid, core::Pid told) {
  if (parts_.handles.find(jid, HandleKind::kMain) >= 0) {
    const core::Pid pid = parts_.places.placed(jid).value_or(told);
    parts_.places.close(jid);
    return parts_.sink.post(jid, event::Launched{pid});
  }
  reaper::Launched outside;
  outside.order = core::sequence_of(jid);
  outside.stage = static_cast<std::uint32_t>(core::LaunchStage::kDescriptors);
  outside.code = EPERM;
  on_scope_failed(jid, outside);
}

void JobReports::on_scope_failed(core::JobId jid,
                                 const reaper::Launched& failed) {
  scope_patience_.erase(jid);
  const TableEntry* const entry = parts_.table.find(jid);
  if (entry == nullptr) return;
  if (entry->job.spec.kind == core::JobKind::kDetached)
    launches_due_.insert(jid);
  if (entry->job.state != core::JobState::kLaunching) return;
  parts_.places.close(jid);
  post_failure(entry->job, failed);
}

void JobReports::on_scope_exit(core::JobId jid,
                               const core::ExitRecord& record) {
  ScopeSequence& sequence = scopes_seen_[jid];
  scopes_due_.insert(jid);
  if (record.sequence <= sequence.seen) return;
  sequence.seen = record.sequence;
  core::ExitRecord own = record;
  own.jid = jid.raw();
  own.mark(core::Counters::kByScope);
  parts_.sink.post(jid, event::ProcessExited{own});
}

void JobReports::on_scope_stopped(core::JobId jid,
                                  const reaper::Stopped& stopped) {
  parts_.sink.post(jid, event::MainStopped{stopped.is_stopped != 0});
}

void JobReports::on_scope_populated(core::JobId jid,
                                    const reaper::Populated& populated) {
  const std::string_view names(
      populated.names, ::strnlen(populated.names, sizeof populated.names));
  parts_.inspector.on_answer(jid, {.count = populated.count, .names = names});
}

void JobReports::on_scope_gone(core::JobId jid) {
  parts_.sink.settle();  // what it said before comes first
  parts_.scopes.close(jid);
  const TableEntry* const entry = parts_.table.find(jid);
  if (entry == nullptr) return;
  const core::Job& job = entry->job;
  if (job.state == core::JobState::kLaunching) {
    if (handlers_.is_caller_awaited(jid)) return;
    launches_due_.insert(jid);
    return parts_.sink.post(
        jid,
        event::LaunchFailed{
            .failure = {.stage = core::LaunchStage::kSupervisorGone, .code = 0},
            .detail = {}});
  }
  if (!is_live(job)) return;
  spdlog::warn("the scope of job {} has gone; the job is ended",
               core::display(jid).view());
  parts_.sink.post(jid, event::ReaperLost{});
  parts_.sink.post(jid, event::EndRequested{.by = job.owner,
                                            .who = "its scope's death",
                                            .plan = job.spec.kill_plan});
}

}  // namespace supervisor
