// SPDX-License-Identifier: Apache-2.0
#include "core/job_verdict.h"

#include <algorithm>
#include <string>

#include "core/limit_watch.h"

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

namespace {

/// Whether that signal ended the main process.
bool was_ended_by(const Job& job, SignalNumber signal) {
  return job.status && !status_is_exit(*job.status) &&
         SignalNumber(signal_of(*job.status)) == signal;
}

Maybe<Microseconds> cpu_time_of(const JobTotals& totals) {
  if (!totals.user_time || !totals.system_time) return std::nullopt;
  return *totals.user_time + *totals.system_time;
}

std::optional<LimitHit> met_memory(const Job& job, const JobTotals& totals) {
  const auto bound = job.spec.limits.memory;
  if (!bound || totals.oom_kills.value_or(0) == 0 ||
      !is_at_limit(totals.memory_peak.value_or(*bound), *bound))
    return std::nullopt;
  return LimitHit{
      .kind = LimitKind::kMemory, .value = bound->raw(), .bound = bound->raw()};
}

std::optional<LimitHit> used_its_time(const Job& job, const JobTotals& totals) {
  const auto bound = job.spec.limits.cpu_time;
  const auto used = cpu_time_of(totals);
  const bool was_killed =
      was_ended_by(job, kSigxcpu) || was_ended_by(job, kSigkill);
  if (!was_killed || !bound || !used || *used < *bound) return std::nullopt;
  return LimitHit{
      .kind = LimitKind::kCpuTime, .value = used->raw(), .bound = bound->raw()};
}

std::optional<LimitHit> wrote_too_much(const Job& job) {
  const LimitTerms terms =
      terms_of(job.spec.limits, job.spec.terms, LimitKind::kFileSize);
  const auto bound = terms.soft ? terms.soft : terms.bound;
  if (!bound || !was_ended_by(job, kSigxfsz)) return std::nullopt;
  return LimitHit{
      .kind = LimitKind::kFileSize, .value = *bound, .bound = *bound};
}

/// The signal over a soft bound was its end.
std::optional<LimitHit> died_of_soft(const Job& job, const JobTotals& totals) {
  for (const LimitKind kind : kLimitKinds) {
    const LimitTerms terms = terms_of(job.spec.limits, job.spec.terms, kind);
    const bool is_it = terms.soft && (job.soft_passed & bit_of(kind)) != 0 &&
                       was_ended_by(job, terms.soft_signal());
    if (!is_it) continue;
    LimitHit hit = {.kind = kind, .value = *terms.soft, .bound = *terms.soft};
    const auto used = cpu_time_of(totals);
    if (kind == LimitKind::kCpuTime && used)
      hit.value = std::max(used->raw(), hit.bound);
    if (kind == LimitKind::kWallTime)
      hit.value =
          std::max((job.ended.boot - job.started.boot).raw(), hit.bound);
    return hit;
  }
  return std::nullopt;
}

}  // namespace

/// The limit that was passed before anybody saw it: the kernel's
/// out-of-memory killer struck, or a signal ended the main process when its
/// time was up. Nothing if one was seen to be passed, or none was.
std::optional<LimitHit> passed_limit(const Job& job, const JobTotals& totals) {
  if (job.limit_hit || job.cancelled) return job.limit_hit;
  if (const auto hit = met_memory(job, totals)) return hit;
  if (const auto hit = used_its_time(job, totals)) return hit;
  if (job.spec.terms.empty()) return std::nullopt;
  const auto hit = wrote_too_much(job);
  return hit ? hit : died_of_soft(job, totals);
}

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

Moment end_of(const Job& job, const Moment& now) {
  const Moment& last = job.last_exit;
  const bool is_last = last.boot.raw() != 0 && !job.reaper_was_lost &&
                       last.boot >= job.populated;
  if (!is_last || last.boot > now.boot) return now;
  return last.boot < job.started.boot ? job.started : last;
}

KillPlan straggler_plan(const JobSpec& spec) {
  if (spec.stragglers == Stragglers::kKill)
    return {.first_signal = kSigkill, .grace = Microseconds()};
  return spec.kill_plan;
}

effect::Signal first_signal(const KillPlan& plan) {
  return {
      .signal = plan.first_signal, .target = SignalTarget::kAll, .wakes = true};
}

}  // namespace core
