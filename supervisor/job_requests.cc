// SPDX-License-Identifier: Apache-2.0
// The requests about jobs that exist: each looks the job up, asks whether the
// caller may, and posts one event or answers from the table.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <tuple>
#include <utility>

#include "core/job_tag.h"
#include "supervisor/followed_members.h"
#include "supervisor/job_members.h"
#include "supervisor/job_service.h"
#include "supervisor/job_views.h"
#include "sys/clock.h"
#include "sys/proc_files.h"

namespace supervisor {

namespace {

using core::Answer;
using core::Refusal;
using core::Verb;

constexpr std::uint32_t kLargestPage = 1000;

/// Its own, or that which it is a member of.
core::JobId jid_of_array(const core::Job& job) {
  return job.spec.kind == core::JobKind::kArray ? job.jid
                                                : job.spec.member.array;
}

core::Text<96> who_is(const core::Caller& caller) {
  return core::Text<96>("uid ").append_unsigned(caller.uid.raw());
}

}  // namespace

/// The caller's own come first, so that nobody puts a job of his in the place
/// of another's; then the live ones, then the younger.
bool JobService::is_better(const core::Job& job, const core::Job* best,
                           core::Uid caller) {
  const auto rank = [caller](const core::Job& one) {
    return std::tuple(one.owner == caller, one.state != core::JobState::kEnded,
                      one.jid);
  };
  return best == nullptr || rank(job) > rank(*best);
}

Answer<const core::Job*> JobService::look_up(const core::Caller& caller,
                                             core::JobId jid, Verb verb) const {
  const TableEntry* const entry = table_.find(jid);
  if (entry == nullptr)
    return refuse(Refusal::kNoSuchJob, "there is no " + core::job_text(jid));
  if (!may_to(caller, verb, entry->job))
    return refuse(Refusal::kAccessDenied,
                  core::job_text(jid) + " belongs to uid " +
                      std::to_string(entry->job.owner.raw()) + ", not to uid " +
                      std::to_string(caller.uid.raw()),
                  verb);
  return &entry->job;
}

bool JobService::may(const core::Caller& caller, Verb verb,
                     core::Uid owner) const {
  return core::may(caller, verb, owner, site_.rules);
}

bool JobService::may_to(const core::Caller& caller, Verb verb,
                        const core::Job& job) const {
  return core::may(caller, verb, job.owner, job.spec.project, site_.rules);
}

core::JobView JobService::view(const core::Caller& caller, const core::Job& job,
                               core::Detail detail) const {
  const bool has_cgroup = core::has_cgroup(job.engine);
  const bool is_over = job.state >= core::JobState::kClosing;
  const bool is_all = detail == core::Detail::kAll;
  core::JobView view =
      detail == core::Detail::kRow
          ? row_view_of(job)
          : view_of(
                job, is_all && may_to(caller, Verb::kInspect, job),
                has_cgroup ? parts_->containers.path(job.jid) : std::string());
  // It names the program or directory that was not to be had.
  if (view.result.reason == core::Reason::kLaunchFailed &&
      !may_to(caller, Verb::kInspect, job))
    view.result.detail = "(not shown)";
  if (view.freezing == core::Freezing::kNo && !is_over &&
      frozen_from(job.spec.parent) != core::kNoJob)
    view.freezing = core::Freezing::kAround;
  if (detail == core::Detail::kRow) return view;
  view.has_lifetime = parts_->lifetimes.has(job.jid);
  if (!is_all) return view;
  view.not_held = parts_->admission.division_of(job.spec).all_lacking();
  if (has_cgroup && !is_over) {
    view.totals = parts_->containers.totals(job.jid);
    add_followed(job, parts_->followed,
                 parts_->containers.id(job.jid).value_or(0), view.totals);
  }
  return view;
}

Answer<void> JobService::signal(const core::Caller& caller, core::JobId jid,
                                core::SignalNumber signal,
                                core::SignalTarget target) {
  settle();
  const core::Job* const job = TRY(look_up(caller, jid, Verb::kControl));
  TRY(core::check_signal(signal));
  if (job->state >= core::JobState::kClosing) return core::refuse_ended(jid);
  if (job->spec.kind == core::JobKind::kArray)
    return signal_members(caller, *job, signal, target);
  if (job->state < core::JobState::kRunning)
    return refuse(Refusal::kInvalid,
                  core::job_text(jid) + " has no process yet");
  if (target == core::SignalTarget::kMain && !core::owes_status(*job))
    return refuse(Refusal::kEnded,
                  "the main process of " + core::job_text(jid) +
                      (job->main ? " has ended" : " is not there yet"));
  if (core::is_probe(signal)) return {};
  return carry_out(jid,
                   core::event::Signalled{
                       .by = caller.uid, .signal = signal, .target = target});
}

Answer<void> JobService::signal_group(const core::Caller& caller,
                                      core::JobId jid, core::Pid group,
                                      core::SignalNumber signal) {
  settle();
  const core::Job* const job = TRY(look_up(caller, jid, Verb::kControl));
  TRY(core::check_signal(signal));
  if (job->state >= core::JobState::kClosing) return core::refuse_ended(jid);
  TRY(check_no_array(jid, "signal a process group"));
  if (members_of_group(*job, group, member_sources()).empty())
    return refuse(Refusal::kNoSuchProcess,
                  "no process of " + core::job_text(jid) +
                      " is in the process group " +
                      std::to_string(group.raw()) +
                      "; 'corral tree' shows its processes, and 'ps -o "
                      "pid,pgid' their groups");
  if (core::is_probe(signal)) return {};
  return carry_out(jid,
                   core::event::Signalled{.by = caller.uid,
                                          .signal = signal,
                                          .target = core::SignalTarget::kGroup,
                                          .group = group});
}

Answer<void> JobService::end(const core::Caller& caller, core::JobId jid,
                             const core::KillPlanChange& change) {
  settle();
  const core::Job* const job = TRY(look_up(caller, jid, Verb::kControl));
  if (job->state >= core::JobState::kClosing) return core::refuse_ended(jid);
  const core::event::EndRequested request{
      .by = caller.uid,
      .who = who_is(caller),
      .plan = change.of(job->spec.kill_plan)};
  TRY(carry_out(jid, request));
  end_nested(jid, request);
  return {};
}

/// Their processes are ended with it: they are told by whom.
void JobService::end_nested(core::JobId jid,
                            const core::event::EndRequested& request) {
  if (!parts_->containers.has_nested(jid)) return;
  for (const auto& [nested, entry] : table_.jobs())
    if (entry.job.state < core::JobState::kClosing && is_within(nested, jid))
      post(nested, request);
}

void JobService::end_with_creator(core::JobId jid) {
  const TableEntry* const entry = table_.find(jid);
  if (entry == nullptr || entry->job.state >= core::JobState::kClosing) return;
  const core::Job& job = entry->job;
  // A session's leader is the service's, and outlives it.
  if (job.spec.kind == core::JobKind::kSession &&
      job.state >= core::JobState::kRunning)
    return close_session({.uid = site_.user, .pid = {}}, jid,
                         [](const Answer<void>&) {});
  if (job.kill.step != core::KillStep::kNone) return;  // it is being ended
  const core::event::EndRequested request{
      .by = job.owner, .who = "its creator's end", .plan = job.spec.kill_plan};
  post(jid, request);
  end_nested(jid, request);
}

bool JobService::is_within(core::JobId nested, core::JobId jid) const {
  for (auto at = parts_->containers.parent(nested); at != core::kNoJob;
       at = parts_->containers.parent(at))
    if (at == jid) return true;
  return false;
}

Answer<void> JobService::carry_out(core::JobId jid, core::EventBody body) {
  // Nothing waits before it: so it is done, or it is the first that waits.
  if (queue_.empty()) {
    const std::uint64_t before = worked_off_;
    queue_.push_back({jid, sys::now(), std::move(body)});
    settle();
    if (worked_off_ != before) return {};
    queue_.pop_front();  // what was refused must not be done later
  }
  return refuse(Refusal::kUnavailable,
                "the request about " + core::job_text(jid) +
                    " cannot be written into the journal, so it is not done; "
                    "is memory short?");
}

void JobService::freeze(const core::Caller& caller, core::JobId jid,
                        bool freezes, FreezeDone done) {
  const auto job = may_freeze(caller, jid);
  if (!job) return done(std::unexpected(job.error()));
  const auto wanted = freezes ? core::Freezing::kFrozen : core::Freezing::kNo;
  if ((*job)->freezing == wanted) return done({});
  freezers_[jid].push_back({freezes, std::move(done)});
  post(jid, core::event::FreezeRequested{.by = caller.uid, .freezes = freezes});
}

Answer<const core::Job*> JobService::may_freeze(const core::Caller& caller,
                                                core::JobId jid) const {
  const core::Job* const job = TRY(look_up(caller, jid, Verb::kControl));
  if (job->state >= core::JobState::kClosing) return core::refuse_ended(jid);
  TRY(check_no_array(jid, "freeze one"));
  if (job->state < core::JobState::kRunning)
    return refuse(Refusal::kInvalid,
                  core::job_text(jid) + " has no process yet");
  if (!core::has_cgroup(job->engine))
    return refuse(
        Refusal::kNotSupported,
        core::job_text(jid) + " is contained by the engine " +
            std::string(core::name_of(job->engine)) +
            ", which cannot freeze; 'corral kill --signal STOP' stops its "
            "processes, but any of them can be continued");
  if (job->kill.step != core::KillStep::kNone)
    return refuse(Refusal::kInvalid, core::job_text(jid) + " is being ended");
  if (core::has_followed(*job))
    return refuse(Refusal::kNotSupported,
                  core::job_text(jid) +
                      " follows processes that are not in its container, and "
                      "only that can be frozen");
  return job;
}

JobService::WaitId JobService::wait(const core::Caller& caller, core::JobId jid,
                                    WaitDone done) {
  const auto job = look_up(caller, jid, Verb::kSee);
  if (!job) {
    done(std::unexpected(job.error()));
    return 0;
  }
  if ((*job)->state == core::JobState::kEnded) {
    done(view(caller, **job));
    return 0;
  }
  waiters_[jid].push_back({++last_wait_, caller, std::move(done)});
  return last_wait_;
}

void JobService::forget_wait(WaitId id) {
  for (auto at = waiters_.begin(); at != waiters_.end(); ++at) {
    if (std::erase_if(at->second, [&](const Waiter& waiter) {
          return waiter.id == id;
        }) == 0)
      continue;
    if (at->second.empty()) waiters_.erase(at);
    // It may be idle now; but what is not worked off is not settled.
    if (!is_settling_ && queue_.empty()) handlers_.on_settled();
    return;
  }
}

Answer<core::JobView> JobService::show(const core::Caller& caller,
                                       core::JobId jid) {
  return view(caller, *TRY(look_up(caller, jid, Verb::kSee)));
}

Answer<core::UsageView> JobService::usage(const core::Caller& caller,
                                          core::JobId jid) {
  const core::Job* const job = TRY(look_up(caller, jid, Verb::kSee));
  core::UsageView usage{.jid = jid,
                        .state = job->state,
                        .read = sys::boot_now(),
                        .totals = job->totals,
                        .memory = {},
                        .processes = {}};
  const bool is_over = job->state >= core::JobState::kClosing;
  if (is_over) usage.processes = 0;
  if (core::has_cgroup(job->engine) && !is_over) {
    parts_->containers.read_usage(usage);
    if (usage.processes)
      *usage.processes += followed_members(*job, parts_->followed).size();
    add_followed(*job, parts_->followed, parts_->containers.id(jid).value_or(0),
                 usage.totals);
  }
  return usage;
}

Answer<core::JobId> JobService::find(const core::Caller& caller,
                                     std::string_view name) {
  const core::Job* best = nullptr;
  for (const auto& [jid, entry] : table_.jobs())
    // Who has no name is not called "".
    if (!name.empty() && entry.job.spec.name == name &&
        may(caller, Verb::kSee, entry.job.owner) &&
        is_better(entry.job, best, caller.uid))
      best = &entry.job;
  if (best != nullptr) return best->jid;
  if (const auto word = core::parse_member_word(name))
    return find_member(caller, *word);
  return refuse(Refusal::kNoSuchJob,
                "there is no job named '" + std::string(name) + "'");
}

Answer<core::JobId> JobService::find_by_pid(const core::Caller& caller,
                                            core::Pid pid) {
  const auto jid = sys::read_proc_job(pid);
  if (!jid)
    return refuse(Refusal::kNoSuchJob,
                  "there is no process " + std::to_string(pid.raw()));
  if (table_.find(*jid) != nullptr)
    return TRY(look_up(caller, *jid, Verb::kSee))->jid;
  if (const core::Job* const job = find_ancestor_job(pid)) return job->jid;
  return refuse(Refusal::kNoSuchJob, "process " + std::to_string(pid.raw()) +
                                         " is in no job of this instance");
}

core::JobId JobService::job_around(core::Pid pid) const {
  const core::Job* const job = find_ancestor_job(pid);
  return job != nullptr ? job->jid : core::kNoJob;
}

const core::Job* JobService::find_ancestor_job(core::Pid pid) const {
  // Whom the kernel knows, also where its parents have gone.
  const TableEntry* const known = table_.find(parts_->followed.job_of(pid));
  if (known != nullptr && core::has_followed(known->job)) return &known->job;
  std::map<core::Pid, const core::Job*> roots;
  for (const auto& [jid, entry] : table_.jobs()) {
    if (entry.job.state >= core::JobState::kClosing) continue;
    if (core::has_followed(entry.job))
      for (const core::Followed& one : entry.job.followed->living)
        if (is_still(one)) roots[one.pid] = &entry.job;
    if (core::has_cgroup(entry.job.engine)) continue;
    if (!entry.job.main_has_ended && entry.job.main &&
        is_believed(entry.job, *entry.job.main))
      roots[*entry.job.main] = &entry.job;
    const core::Pid scope = scope_of(entry.job, parts_->scopes);
    if (scope != core::Pid()) roots[scope] = &entry.job;
  }
  for (int depth = 0; pid.raw() > 1 && depth < 4096; ++depth) {
    const auto at = roots.find(pid);
    if (at != roots.end()) return at->second;
    const auto stat = sys::read_proc_stat(pid);
    if (!stat) return nullptr;
    pid = core::Pid(stat->ppid);
  }
  return nullptr;
}

core::JobPage JobService::list(const core::Caller& caller,
                               const core::JobFilter& filter, core::JobId after,
                               std::uint32_t most) {
  core::JobPage page;
  const auto& jobs = table_.jobs();
  // A view is large: a page that grows would move each of them several times.
  page.jobs.reserve(
      std::min<std::size_t>(std::min(most, kLargestPage), jobs.size()));
  for (auto at = jobs.upper_bound(after); at != jobs.end(); ++at) {
    const core::Job& job = at->second.job;
    if (filter.owner && job.owner != *filter.owner) continue;
    if (!core::has_tags(job.spec.tags, filter.tags)) continue;
    if (!filter.project.empty() && filter.project != job.spec.project) continue;
    if (!filter.account.empty() && filter.account != job.spec.account) continue;
    if (filter.array != core::kNoJob && filter.array != jid_of_array(job))
      continue;
    if (!filter.with_ended && job.state == core::JobState::kEnded) continue;
    if (!may(caller, Verb::kSee, job.owner)) continue;
    if (page.jobs.size() >= std::min(most, kLargestPage)) {
      page.has_more = true;
      break;
    }
    page.jobs.push_back(view(caller, job, filter.detail));
  }
  return page;
}

MemberSources JobService::member_sources() const {
  return {.containers = parts_->containers,
          .scopes = parts_->scopes,
          .followed = parts_->followed};
}

Answer<std::vector<core::ProcessView>> JobService::processes(
    const core::Caller& caller, core::JobId jid) {
  const core::Job* const job = TRY(look_up(caller, jid, Verb::kInspect));
  if (job->spec.kind == core::JobKind::kArray)
    return processes_of_members(caller, *job);
  std::vector<core::ProcessView> views;
  for (const core::Pid pid : members_of(*job, member_sources()))
    if (auto process = process_view(pid)) views.push_back(*std::move(process));
  return views;
}

Answer<core::Handle> JobService::open_log(const core::Caller& caller,
                                          core::JobId jid) {
  const core::Job* const job = TRY(look_up(caller, jid, Verb::kInspect));
  TRY(check_no_array(jid, "look at the log"));
  if (job->spec.kind == core::JobKind::kForeground)
    return refuse(Refusal::kInvalid,
                  core::job_text(jid) +
                      " runs in the foreground: its output went where its "
                      "caller's goes");
  if (!core::has_command(job->spec.kind))
    return refuse(Refusal::kInvalid,
                  core::job_text(jid) +
                      " is made of processes that had an output already");
  const std::string path = parts_->launcher.log_path(jid);
  auto log = sys::open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_NOFOLLOW);
  if (!log)
    return refuse(Refusal::kInvalid, core::job_text(jid) + " has no log: " +
                                         log.error().message().c_str());
  return (*std::move(log)).to_handle();
}

core::InstanceView JobService::instance() {
  core::InstanceView view = site_.view;
  const RecorderCounts records = parts_->recorder.counts();
  view.records_written = records.written;
  view.records_waiting = records.waiting;
  view.records_lost = records.lost;
  view.jobs_live = table_.live_count();
  view.jobs_remembered = table_.remembered_count();
  return view;
}

Answer<void> JobService::may_manage(const core::Caller& caller,
                                    std::string_view what) const {
  if (may(caller, Verb::kManage, site_.user)) return {};
  return refuse(Refusal::kAccessDenied,
                "uid " + std::to_string(caller.uid.raw()) + " may not " +
                    std::string(what),
                Verb::kManage);
}

Answer<void> JobService::reexec(const core::Caller& caller) {
  TRY(may_manage(caller, "re-execute this instance"));
  handlers_.on_reexec();
  return {};
}

Answer<void> JobService::shut_down(const core::Caller& caller) {
  TRY(may_manage(caller, "shut this instance down"));
  handlers_.on_shut_down();
  return {};
}

}  // namespace supervisor
