// SPDX-License-Identifier: Apache-2.0
// What the job machine asks for again after a crash.
#include "core/array_machine.h"
#include "core/job_machine.h"
#include "core/job_verdict.h"
#include "core/limit_watch.h"

namespace core {

namespace {

/// A change of the limits may not have come to who holds them.
void resume_limits(const Job& job, std::vector<Effect>& effects) {
  effects.emplace_back(effect::HoldLimits{});  // or to none any more
  if (job.limit_hit) return;
  if (needs_readings(job)) effects.emplace_back(effect::ReadCpu{});
  if (const auto breach = wall_breach(job))
    effects.emplace_back(
        effect::SetTimer{.timer = JobTimer::kLimit, .deadline = *breach});
}

/// By which it is being ended: a limit may have its own.
KillPlan plan_of(const Job& job) {
  if (!job.limit_hit) return job.spec.kill_plan;
  return terms_of(job.spec.limits, job.spec.terms, job.limit_hit->kind)
      .plan_of(job.spec.kill_plan);
}

}  // namespace

std::vector<Effect> resume(const Job& job) {
  if (job.spec.kind == JobKind::kArray) return resume_array(job);
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
      // A crash may have come before the thaw, or before the first signal.
      if (job.freezing == Freezing::kNo && has_cgroup(job.engine))
        effects.emplace_back(effect::Freeze{.freezes = false});
      if (job.kill.step == KillStep::kAsked)
        effects.emplace_back(first_signal(plan_of(job)));
      if (job.kill.step == KillStep::kKilled)
        effects.emplace_back(effect::KillAll{});
      if (job.kill.step == KillStep::kFrozenKilled)
        effects.emplace_back(effect::FreezeAndKill{});
      if (job.kill.step != KillStep::kNone)
        effects.emplace_back(effect::SetTimer{.timer = JobTimer::kKillPlan,
                                              .deadline = job.kill.deadline});
      resume_limits(job, effects);
      if (owes_status(job) &&
          (job.reaper_was_lost || !has_command(job.spec.kind)))
        effects.emplace_back(effect::WatchMain{});
      if (job.followed) effects.emplace_back(effect::WatchFollowed{});
      if (awaits_first(job))
        effects.emplace_back(
            effect::SetTimer{.timer = JobTimer::kAttach,
                             .deadline = job.started.boot + kAttachPatience});
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
