// SPDX-License-Identifier: Apache-2.0
#include "core/job_machine.h"

#include <utility>

namespace core {

namespace {

bool is_live(const Job& job) {
  return job.state == JobState::kRunning || job.state == JobState::kEnding;
}

/// Whether this is the end of the main process. Where its pid was lost (a job
/// that was taken over), the number of the order that made it tells.
bool is_main(const Job& job, const ExitRecord& record) {
  if (job.main == Pid(0)) return record.order == sequence_of(job.jid);
  return job.main == Pid(record.pid);
}

/// Once the program runs, or never will, only what people are shown is kept.
void forget_launch(JobSpec& spec) {
  constexpr std::size_t kShown = 4096;
  spec.env = {};
  spec.groups = {};
  spec.rlimits = {};
  std::size_t size = 0;
  std::size_t kept = 0;
  for (std::string& argument : spec.argv) {
    if (size >= kShown) break;
    if (argument.size() > kShown - size)
      argument = argument.substr(0, kShown - size);
    size += argument.size() + 1;
    ++kept;
  }
  if (kept == spec.argv.size()) return;
  spec.argv.resize(kept);
  spec.argv.shrink_to_fit();
}

/// The plan's first step.
effect::Signal first_signal(const KillPlan& plan) {
  return {
      .signal = plan.first_signal, .target = SignalTarget::kAll, .wakes = true};
}

/// The cause of the end: see the invariants in the header.
JobResult decide_result(const Job& job) {
  const auto imposed = imposed_result(
      {.launch_failure = job.launch_failure,
       .limit_hit = job.limit_hit,
       .out_of_memory =
           job.ran_out_of_memory ? OutOfMemory::kInJob : OutOfMemory::kNowhere,
       .status = job.status});
  JobResult result = imposed.value_or(JobResult());
  result.detail = job.detail;
  if (imposed) return result;
  result.has_status = job.status.has_value();
  result.wait_status = job.status.value_or(0);
  if (job.cancelled) {
    result.reason =
        job.cancelled->is_gave_up ? Reason::kGaveUp : Reason::kCancelled;
    result.by = job.cancelled->by;
    result.detail = job.cancelled->who;
  } else if (job.status) {
    result.reason = reason_of_status(*job.status);
  } else {
    result.reason = Reason::kUnknown;
    if (job.reaper_was_lost) result.detail = "reaper killed";
  }
  return result;
}

/// One job, one event: holds the job being changed and the effects so far.
class Stepper {
 public:
  Stepper(Job job, const Moment& when) : job_(std::move(job)), when_(when) {}

  Step finish() && {
    return {.job = std::move(job_), .effects = std::move(effects_)};
  }

  void operator()(const event::Created&) {}  // a repeated creation is one

  void operator()(const event::ContainerMade&) {
    if (job_.state != JobState::kPreparing) return;
    enter(JobState::kOpening);
    ask(effect::RecordStart{});
  }

  void operator()(const event::ContainerFailed& failed) {
    if (job_.state != JobState::kPreparing) return;
    job_.launch_failure = {.stage = LaunchStage::kClone, .code = failed.code};
    job_.detail = "container";
    close(JobTotals{});
  }

  void operator()(const event::StartRecorded&) {
    if (job_.state != JobState::kOpening) return;
    if (job_.cancelled) return close(JobTotals{});
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
    if (const auto breach =
            earliest_breach(job_.spec.limits, job_.started.boot))
      ask(effect::SetTimer{.timer = JobTimer::kLimit, .deadline = *breach});
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
    ++job_.processes_seen;
    if (record.end_boot_us > job_.last_exit.boot.raw())
      job_.last_exit = {.boot = BootTime(record.end_boot_us),
                        .real = RealTime(record.end_real_us)};
    ask(effect::RecordProcess{record});
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
    // A lost reaper's main process may still owe its status: it comes first.
    if (job_.state == JobState::kRunning && !job_.main_has_ended) return;
    if (is_live(job_)) close(emptied.totals);
  }

  void operator()(const event::Populated& populated) {
    if (populated.count > 0) job_.populated = when_.boot;
    if (job_.state != JobState::kEnding) return;
    if (job_.stragglers == 0) {
      job_.stragglers = populated.count;
      job_.straggler_names = populated.names;
    }
    if (job_.kill.step == KillStep::kNone) start_killing(straggler_plan());
  }

  void operator()(const event::EndRequested& request) {
    if (job_.state >= JobState::kClosing) return;
    if (!job_.cancelled && !job_.main_has_ended)
      job_.cancelled = {.by = request.by,
                        .who = request.who,
                        .is_gave_up = request.is_gave_up};
    job_.spec.kill_plan = request.plan;
    if (is_live(job_)) start_killing(request.plan);
  }

  void operator()(const event::Signalled& signalled) {
    if (is_live(job_))
      ask(effect::Signal{.signal = signalled.signal,
                         .target = signalled.target});
  }

  void operator()(const event::FreezeRequested& request) {
    if (!is_live(job_)) return;
    const bool stands_still =
        job_.freezing == Freezing::kAsked || job_.freezing == Freezing::kFrozen;
    const bool is_ending = job_.kill.step != KillStep::kNone;
    if (request.freezes && (stands_still || is_ending)) return;
    if (!request.freezes && job_.freezing == Freezing::kNo) return;
    set_freezing(request.freezes);
  }

  void operator()(const event::FreezeDone& done) {
    if (!is_live(job_) || job_.freezing != Freezing::kAsked) return;
    job_.freezing = done.is_frozen ? Freezing::kFrozen : Freezing::kPartly;
    ask(effect::Announce{});
  }

  void operator()(const event::TimerFired& fired) {
    if (!is_live(job_)) return;
    if (fired.timer == JobTimer::kLimit) return check_limits();
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

 private:
  void ask(Effect effect) { effects_.push_back(std::move(effect)); }

  void enter(JobState state) {
    job_.state = state;
    ask(effect::Announce{});
  }

  void main_ended() {
    job_.main_has_ended = true;
    job_.main_is_stopped = false;
    if (job_.spec.stragglers != Stragglers::kLinger || job_.cancelled)
      enter(JobState::kEnding);
    else
      ask(effect::Announce{});  // it has no main process any more
    ask(effect::Inspect{});
  }

  [[nodiscard]] KillPlan straggler_plan() const {
    if (job_.spec.stragglers == Stragglers::kKill)
      return {.first_signal = kSigkill, .grace = Microseconds()};
    return job_.spec.kill_plan;
  }

  void set_freezing(bool freezes) {
    job_.freezing = freezes ? Freezing::kAsked : Freezing::kNo;
    ask(effect::Freeze{freezes});
    ask(effect::Announce{});
  }

  void start_killing(const KillPlan& plan) {
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

  void check_limits() {
    // What lingers is bound by the limits like the main process before it.
    if (job_.limit_hit || job_.state != JobState::kRunning) return;
    job_.limit_hit = check(job_.spec.limits, job_.started.boot, when_.boot);
    if (job_.limit_hit) return start_killing(job_.spec.kill_plan);
    if (const auto breach =
            earliest_breach(job_.spec.limits, job_.started.boot))
      ask(effect::SetTimer{.timer = JobTimer::kLimit, .deadline = *breach});
  }

  /// However late the supervisor noticed.
  [[nodiscard]] Moment end_of_job() const {
    const Moment& last = job_.last_exit;
    const bool is_last = last.boot.raw() != 0 && !job_.reaper_was_lost &&
                         last.boot >= job_.populated;
    if (!is_last || last.boot > when_.boot) return when_;
    return last.boot < job_.started.boot ? job_.started : last;
  }

  void close(const JobTotals& totals) {
    job_.totals = totals;
    job_.freezing = Freezing::kNo;
    job_.ended = end_of_job();
    if (totals.oom_kills.value_or(0) > 0) job_.ran_out_of_memory = true;
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
  Stepper stepper(std::move(job), event.when);
  std::visit(stepper, event.body);
  return std::move(stepper).finish();
}

std::vector<Effect> resume(const Job& job) {
  std::vector<Effect> effects;
  switch (job.state) {
    case JobState::kPreparing:
      return {effect::MakeContainer{}};
    case JobState::kOpening:
      return {effect::RecordStart{}};
    case JobState::kLaunching:
      return {effect::Launch{}};
    case JobState::kRunning:
    case JobState::kEnding:
      if (job.freezing == Freezing::kAsked)
        effects.emplace_back(effect::Freeze{.freezes = true});
      // A crash may have come between the thaw and the first signal.
      if (job.kill.step == KillStep::kAsked) {
        effects.emplace_back(effect::Freeze{.freezes = false});
        effects.emplace_back(first_signal(job.spec.kill_plan));
      }
      if (job.kill.step == KillStep::kKilled)
        effects.emplace_back(effect::KillAll{});
      if (job.kill.step == KillStep::kFrozenKilled)
        effects.emplace_back(effect::FreezeAndKill{});
      if (job.kill.step != KillStep::kNone)
        effects.emplace_back(effect::SetTimer{.timer = JobTimer::kKillPlan,
                                              .deadline = job.kill.deadline});
      if (const auto breach =
              earliest_breach(job.spec.limits, job.started.boot);
          breach && !job.limit_hit)
        effects.emplace_back(
            effect::SetTimer{.timer = JobTimer::kLimit, .deadline = *breach});
      if (job.reaper_was_lost && !job.main_has_ended)
        effects.emplace_back(effect::WatchMain{});
      effects.emplace_back(effect::Inspect{});
      return effects;
    case JobState::kClosing:
      return {effect::RecordEnd{}};
    case JobState::kRemoving:
      return {effect::RemoveContainer{}};
    case JobState::kEnded:
      return {};
  }
  return effects;
}

}  // namespace core
