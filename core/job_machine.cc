// SPDX-License-Identifier: Apache-2.0
#include "core/job_machine.h"

#include <algorithm>
#include <utility>

#include "core/array_machine.h"
#include "core/follow_rules.h"
#include "core/job_verdict.h"
#include "core/limit_watch.h"

namespace core {

namespace {

bool is_live(const Job& job) {
  return job.state == JobState::kRunning || job.state == JobState::kEnding;
}

/// Where the main process's pid was lost, the order that made it tells.
bool is_main(const Job& job, const ExitRecord& record) {
  if (job.main == Pid(0)) return record.order == sequence_of(job.jid);
  return job.main == Pid(record.pid);
}

/// One job, one event: holds the job being changed and the effects so far.
class Stepper {
 public:
  Stepper(Job job, const Moment& when) : job_(std::move(job)), when_(when) {}

  Step finish() && {
    return {.job = std::move(job_), .effects = std::move(effects_)};
  }

  void operator()(const event::Created&) {}  // a repeated creation is one

  void operator()(const event::ContainerMade& made) {
    if (job_.state != JobState::kPreparing) return;
    job_.collector = made.collector;
    enter(JobState::kOpening);
    ask(effect::RecordStart{});
  }

  void operator()(const event::ContainerFailed& failed) {
    if (job_.state != JobState::kPreparing) return;
    job_.cancelled =
        Job::Cancelled{.by = job_.owner, .who = failed.why, .is_gave_up = true};
    close(JobTotals{});
  }

  void operator()(const event::StartRecorded&) {
    if (job_.state != JobState::kOpening) return;
    if (job_.cancelled) return close(JobTotals{});
    if (!has_command(job_.spec.kind)) return open();
    enter(JobState::kLaunching);
    ask(effect::Launch{});
  }

  void operator()(const event::Launched& launched) {
    if (job_.state != JobState::kLaunching) return;
    job_.main = launched.pid;
    job_.started = when_;
    forget_launch(job_.spec);
    enter(JobState::kRunning);
    if (job_.cancelled) start_killing(job_.spec.kill_plan);
    // One that changed while it was launched may not have found it.
    hold_limits();
  }

  void operator()(const event::LaunchFailed& failed) {
    if (job_.state != JobState::kLaunching) return;
    job_.launch_failure = failed.failure;
    job_.detail = failed.detail;
    job_.main_has_ended = true;
    forget_launch(job_.spec);
    enter(JobState::kEnding);
    ask(effect::Inspect{});
  }

  void operator()(const event::ProcessExited& exited) {
    const ExitRecord& record = exited.record;
    note_exit(record);
    if (record.has(Counters::kUsage))
      job_.exited_cpu =
          job_.exited_cpu + Microseconds(record.utime_us + record.stime_us);
    if (!counts_all(job_.collector)) ask(effect::RecordProcess{record});
    if (is_live(job_) && !job_.main_has_ended && is_main(job_, record)) {
      job_.main_exit = record;
      if (record.has(Counters::kStatus)) job_.status = record.wait_status;
      main_ended();
    } else if (is_live(job_)) {
      ask(effect::Inspect{});
    }
  }

  void operator()(const event::MainStopped& stopped) {
    if (!is_live(job_) || job_.main_has_ended ||
        job_.main_is_stopped == stopped.is_stopped)
      return;
    job_.main_is_stopped = stopped.is_stopped;
    ask(effect::Announce{});
  }

  void operator()(const event::ReaperLost&) {
    if (job_.state == JobState::kLaunching) {
      job_.launch_failure = {.stage = LaunchStage::kSupervisorGone, .code = 0};
      job_.main_has_ended = true;
      job_.reaper_was_lost = true;
      enter(JobState::kEnding);
      ask(effect::Inspect{});
    } else if (is_live(job_)) {
      job_.reaper_was_lost = true;
      if (!job_.main_has_ended) ask(effect::WatchMain{});
      ask(effect::Inspect{});
    }
  }

  void operator()(const event::MainStatusLearned& learned) {
    if (!is_live(job_) || job_.main_has_ended) return;
    if (learned.is_known) job_.status = learned.wait_status;
    main_ended();
  }

  void operator()(const event::Emptied& emptied) {
    if (job_.is_held || !is_live(job_) || has_followed(job_)) return;
    // A lost reaper's main process may still owe its status: it comes first.
    if (job_.state == JobState::kRunning && owes_status(job_)) return;
    if (emptied.peaks != JobPeaks{}) job_.peaks = emptied.peaks;
    close(emptied.totals);
  }

  void operator()(const event::Populated& populated) {
    if (populated.count > 0) job_.populated = when_.boot;
    // Whoever attached it had no time to say so.
    if (populated.count > 0 && awaits_first(job_) && is_attached()) release();
    if (job_.state != JobState::kEnding) return;
    if (job_.stragglers == 0 && !job_.launch_failure) {
      job_.stragglers = populated.count;
      job_.straggler_names = populated.names;
    }
    if (job_.kill.step == KillStep::kNone)
      start_killing(straggler_plan(job_.spec));
  }

  void operator()(const event::EndRequested& request) {
    if (job_.state >= JobState::kClosing) return;
    const bool has_result = job_.main_has_ended && !job_.is_held &&
                            job_.departure == Job::Departure::kNone;
    if (!job_.cancelled && !has_result)
      job_.cancelled = Job::Cancelled{
          .by = request.by, .who = request.who, .is_gave_up = false};
    job_.spec.kill_plan = request.plan;
    if (is_live(job_)) return start_killing(request.plan);
    // It may hang before its exec. What is not made yet is ended when it is.
    if (job_.state == JobState::kLaunching) ask(effect::KillAll{});
  }

  void operator()(const event::Signalled& signalled) {
    if (is_live(job_))
      ask(effect::Signal{.signal = signalled.signal,
                         .target = signalled.target,
                         .group = signalled.group});
  }

  void operator()(const event::FreezeRequested& request) {
    if (!is_live(job_)) return;
    const bool stands_still =
        job_.freezing == Freezing::kAsked || job_.freezing == Freezing::kFrozen;
    const bool is_ending = job_.kill.step != KillStep::kNone;
    if (request.freezes && (stands_still || is_ending)) return;
    if (!request.freezes && job_.freezing == Freezing::kNo) return;
    set_freezing(request.freezes);
    if (!request.freezes) check_limits();
  }

  void operator()(const event::FreezeDone& done) {
    if (!is_live(job_) || job_.freezing != Freezing::kAsked) return;
    job_.freezing = done.is_frozen ? Freezing::kFrozen : Freezing::kPartly;
    ask(effect::Announce{});
  }

  void operator()(const event::LimitsChanged& changed) {
    if (job_.state > JobState::kEnding) return;
    reopen_soft(job_, changed.terms);
    job_.spec.limits = changed.limits;
    job_.spec.terms = changed.terms;
    ask(effect::RecordLimits{.by = changed.by, .when = when_});
    ask(effect::HoldLimits{});
    ask(effect::Announce{});
    if (!is_live(job_)) return;
    ask(effect::ClearTimer{JobTimer::kLimit});
    check_limits();
  }

  void operator()(const event::CpuRead& read) {
    if (!is_bound() || !needs_readings(job_)) return;
    const bool is_of_the_living = !has_cgroup(job_.engine);
    const Microseconds used =
        read.used + used_by_ended_followed(job_) +
        (is_of_the_living ? job_.exited_cpu : Microseconds());
    // Nobody gives time back: what was read less of was not all there to read.
    const Microseconds before = job_.cpu ? job_.cpu->used : Microseconds();
    job_.cpu = CpuReading{.used = std::max(used, before),
                          .when = when_.boot,
                          .processors = read.processors,
                          .is_idle = job_.cpu && used <= before};
    if (read.is_still || !job_.cpu->is_idle) job_.last_use = when_.boot;
    check_limits();
  }

  void operator()(const event::LimitPassed& passed) {
    const auto bound = passed.is_soft ? open_soft_bound(job_, passed.kind)
                                      : bound_of(job_.spec.limits,
                                                 job_.spec.terms, passed.kind);
    if (!is_live(job_) || job_.limit_hit || job_.cancelled || !bound) return;
    if (passed.kind == LimitKind::kMemory && passed.value &&
        !is_at_limit(Bytes(*passed.value), Bytes(*bound)))
      return;
    const LimitHit hit = {.kind = passed.kind,
                          .value = passed.value.value_or(*bound),
                          .bound = *bound};
    if (passed.is_soft) return pass_softly(hit);
    pass(hit);
  }

  void operator()(const event::TimerFired& fired) {
    if (!is_live(job_)) return;
    if (fired.timer == JobTimer::kLimit) return check_limits();
    if (fired.timer == JobTimer::kAttach) return stop_awaiting();
    const KillProgress next = advance_kill(job_.kill, when_.boot);
    const bool is_due = next.deadline != job_.kill.deadline;
    job_.kill = next;
    if (next.step == KillStep::kNone) return;
    ask(effect::SetTimer{.timer = JobTimer::kKillPlan,
                         .deadline = next.deadline});
    if (!is_due) return;  // it came early
    if (next.step == KillStep::kKilled) ask(effect::KillAll{});
    if (next.step == KillStep::kFrozenKilled) ask(effect::FreezeAndKill{});
    ask(effect::Inspect{});
  }

  void operator()(const event::Attached& attached) {
    if (job_.state != JobState::kRunning) return;
    ask(effect::Announce{});
    if (follow(job_, attached)) ask(effect::WatchFollowed{});
    if (!lacks_first(job_)) return;
    job_.main = attached.pid;
    job_.origin = attached.origin;
    if (job_.spec.argv.empty())
      job_.spec.argv.emplace_back(attached.command.view());
    ask(effect::WatchMain{});
    if (is_attached()) release();
  }

  void operator()(const event::FollowedEnded& ended) {
    if (!is_live(job_) || !count_followed(job_, ended)) return;
    note_exit(ended.record);
    ask(effect::RecordProcess{ended.record});
    ask(effect::WatchFollowed{});
    ask(effect::Announce{});
    ask(effect::Inspect{});
  }

  void operator()(const event::Detached& detached) {
    if (!is_live(job_)) return;
    if (unfollow(job_, detached.pid)) ask(effect::WatchFollowed{});
    if (owes_status(job_) && job_.main == detached.pid) lose_main();
    ask(effect::Announce{});
    ask(effect::Inspect{});
  }

  void operator()(const event::JobDetached&) {
    if (!is_live(job_)) return;
    lose_main();
    if (unfollow_all(job_)) ask(effect::WatchFollowed{});
    ask(effect::Announce{});
    ask(effect::Inspect{});
  }

  void operator()(const event::SessionClosed&) {
    if (!is_open_session(job_)) return;
    job_.departure = Job::Departure::kClosed;
    if (owes_status(job_)) ask(effect::ForgetMain{});
    main_ended();
  }

  void operator()(const event::OutOfMemory&) {
    if (is_live(job_)) job_.ran_out_of_memory = true;
  }

  void operator()(const event::EndRecorded&) {
    if (job_.state != JobState::kClosing) return;
    enter(JobState::kRemoving);
    ask(effect::RemoveContainer{});
  }

  void operator()(const event::ContainerRemoved&) {
    if (job_.state != JobState::kRemoving) return;
    enter(JobState::kEnded);
  }

  void operator()(const event::MemberMade&) {}  // of arrays only
  void operator()(const event::MemberEnded&) {}
  void operator()(const event::MemberDropped&) {}

  void operator()(const event::CollectorLost&) {
    if (!counts_all(job_.collector)) return;
    job_.collector = Collector::kWait;
    ask(effect::Announce{});
  }

 private:
  void ask(Effect effect) { effects_.push_back(std::move(effect)); }

  void enter(JobState state) {
    job_.state = state;
    ask(effect::Announce{});
  }

  void note_exit(const ExitRecord& record) {
    ++job_.processes_seen;
    if (record.end_boot_us > job_.last_exit.boot.raw())
      job_.last_exit = {.boot = BootTime(record.end_boot_us),
                        .real = RealTime(record.end_real_us)};
  }

  [[nodiscard]] bool is_attached() const {
    return job_.spec.kind == JobKind::kAttached;
  }

  /// A job without a command: it waits for its first process.
  void open() {
    job_.started = when_;
    job_.is_held = true;
    forget_launch(job_.spec);
    enter(JobState::kRunning);
    ask(effect::SetTimer{.timer = JobTimer::kAttach,
                         .deadline = when_.boot + kAttachPatience});
    hold_limits();
  }

  /// From now on it ends when it is empty.
  void release() {
    if (!std::exchange(job_.is_held, false)) return;
    ask(effect::ClearTimer{JobTimer::kAttach});
  }

  void stop_awaiting() {
    if (!awaits_first(job_)) return;
    release();
    job_.cancelled = Job::Cancelled{.by = job_.owner,
                                    .who = "no process was attached in time",
                                    .is_gave_up = true};
    ask(effect::Inspect{});
  }

  /// Its main process lives on outside: nobody is told of its end.
  void lose_main() {
    release();
    if (job_.departure == Job::Departure::kNone)
      job_.departure = Job::Departure::kDetached;
    if (owes_status(job_)) ask(effect::ForgetMain{});
    job_.main_has_ended = true;
    job_.main_is_stopped = false;
  }

  void main_ended() {
    release();
    job_.main_has_ended = true;
    job_.main_is_stopped = false;
    if (job_.spec.stragglers != Stragglers::kLinger || job_.cancelled)
      enter(JobState::kEnding);
    else
      ask(effect::Announce{});  // it has no main process any more
    ask(effect::Inspect{});
  }

  void set_freezing(bool freezes) {
    job_.freezing = freezes ? Freezing::kAsked : Freezing::kNo;
    job_.last_use = when_.boot;
    ask(effect::Freeze{freezes});
    ask(effect::Announce{});
  }

  void start_killing(const KillPlan& plan) {
    release();
    const KillProgress next = begin_kill(job_.kill, plan, when_.boot);
    const bool is_sooner = next.deadline != job_.kill.deadline;
    const bool is_new = next.step != job_.kill.step;
    job_.kill = next;
    if (!is_new && is_sooner)
      ask(effect::SetTimer{.timer = JobTimer::kKillPlan,
                           .deadline = next.deadline});
    if (!is_new) return;
    if (job_.freezing != Freezing::kNo) set_freezing(false);
    if (next.step == KillStep::kAsked)
      ask(first_signal(plan));
    else
      ask(effect::KillAll{});
    ask(effect::SetTimer{.timer = JobTimer::kKillPlan,
                         .deadline = next.deadline});
    ask(effect::Inspect{});
  }

  /// What lingers is bound by the limits like the main process before it.
  [[nodiscard]] bool is_bound() const {
    return !job_.limit_hit && job_.state == JobState::kRunning;
  }

  /// Of a job that began to run.
  void hold_limits() {
    const bool is_held_by_others =
        job_.spec.limits.has_more_than_wall_time() || !job_.spec.terms.empty();
    if (is_held_by_others) ask(effect::HoldLimits{});
    watch_limits();
  }

  void pass(const LimitHit& hit) {
    job_.limit_hit = hit;
    start_killing(terms_of(job_.spec.limits, job_.spec.terms, hit.kind)
                      .plan_of(job_.spec.kill_plan));
  }

  void pass_softly(const LimitHit& hit) {
    job_.soft_passed |= bit_of(hit.kind);
    if (hit.kind == LimitKind::kMemory) ask(effect::HoldLimits{});
    ask(effect::TellLimit{hit});
    ask(effect::Signal{
        .signal =
            terms_of(job_.spec.limits, job_.spec.terms, hit.kind).soft_signal(),
        .target = SignalTarget::kAll});
  }

  void check_limits() {
    if (!is_bound()) return;
    if (const auto hit = passed_bound(job_, when_.boot)) return pass(*hit);
    if (!job_.spec.terms.empty())
      for (const LimitHit& hit : passed_softly(job_, when_.boot))
        pass_softly(hit);
    watch_limits();
  }

  void watch_limits() {
    if (!needs_readings(job_)) job_.cpu.reset();
    const auto reading = next_reading(job_);
    const bool is_due = reading ? when_.boot >= *reading : !job_.cpu;
    if (is_due && needs_readings(job_)) return ask(effect::ReadCpu{});
    const auto breach = wall_breach(job_);
    if (reading || breach)
      ask(effect::SetTimer{.timer = JobTimer::kLimit,
                           .deadline = std::min(reading.value_or(kEndOfTime),
                                                breach.value_or(kEndOfTime))});
  }

  void close(const JobTotals& totals) {
    job_.totals = totals;
    if (totals.processes)
      job_.processes_seen = static_cast<std::uint32_t>(
          *totals.processes - totals.processes_not_seen.value_or(0));
    job_.freezing = Freezing::kNo;
    job_.ended = end_of(job_, when_);
    if (totals.oom_kills.value_or(0) > 0) job_.ran_out_of_memory = true;
    job_.limit_hit = passed_limit(job_, totals);
    job_.result = decide_result(job_);
    forget_launch(job_.spec);
    ask(effect::ClearTimer{JobTimer::kLimit});
    ask(effect::ClearTimer{JobTimer::kKillPlan});
    enter(JobState::kClosing);
    ask(effect::RecordEnd{});
  }

  Job job_;
  Moment when_;
  std::vector<Effect> effects_;
};

}  // namespace

Step begin(const JobEvent& event) {
  Step step;
  const auto* created = std::get_if<event::Created>(&event.body);
  if (created == nullptr) return step;
  step.job.jid = event.job;
  step.job.spec = created->spec;
  step.job.owner = created->owner;
  step.job.engine = created->engine;
  step.job.created = event.when;
  step.effects = {effect::Announce{}, effect::MakeContainer{}};
  return step;
}

Step step(Job job, const JobEvent& event) {
  if (job.spec.kind == JobKind::kArray)
    return step_array(std::move(job), event);
  Stepper stepper(std::move(job), event.when);
  std::visit(stepper, event.body);
  return std::move(stepper).finish();
}

}  // namespace core
