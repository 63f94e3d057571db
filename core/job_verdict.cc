// SPDX-License-Identifier: Apache-2.0
#include "core/job_verdict.h"

#include <csignal>

namespace core {

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
  if (job.departure == Job::Departure::kClosed) {
    result.reason = Reason::kClosed;
  } else if (job.cancelled) {
    result.reason =
        job.cancelled->is_gave_up ? Reason::kGaveUp : Reason::kCancelled;
    result.by = job.cancelled->by;
    result.detail = job.cancelled->who;
  } else if (job.status) {
    result.reason = reason_of_status(*job.status);
  } else if (job.departure == Job::Departure::kDetached) {
    result.reason = Reason::kDetached;
  } else {
    result.reason = Reason::kUnknown;
    if (job.reaper_was_lost) result.detail = "reaper killed";
  }
  return result;
}

/// The limit that was passed before anybody saw it: the kernel's
/// out-of-memory killer struck, or a signal ended the main process when its
/// time was up. Nothing if one was seen to be passed, or none was.
std::optional<LimitHit> passed_limit(const Job& job, const JobTotals& totals) {
  if (job.limit_hit || job.cancelled) return job.limit_hit;
  const JobLimits& limits = job.spec.limits;
  if (limits.memory && totals.oom_kills.value_or(0) > 0 &&
      is_at_limit(totals.memory_peak.value_or(*limits.memory), *limits.memory))
    return LimitHit{.kind = LimitKind::kMemory,
                    .value = limits.memory->raw(),
                    .bound = limits.memory->raw()};
  const bool was_killed = job.status && (signal_of(*job.status) == SIGXCPU ||
                                         signal_of(*job.status) == SIGKILL);
  if (!was_killed || !limits.cpu_time || !totals.user_time ||
      !totals.system_time)
    return std::nullopt;
  const Microseconds used = *totals.user_time + *totals.system_time;
  if (used < *limits.cpu_time) return std::nullopt;
  return LimitHit{.kind = LimitKind::kCpuTime,
                  .value = used.raw(),
                  .bound = limits.cpu_time->raw()};
}

effect::Signal first_signal(const KillPlan& plan) {
  return {
      .signal = plan.first_signal, .target = SignalTarget::kAll, .wakes = true};
}

}  // namespace core
