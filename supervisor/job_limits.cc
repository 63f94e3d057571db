// SPDX-License-Identifier: Apache-2.0
// Limits of a job that lives: changed, with those of the jobs nested in it.
#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/job_service.h"

namespace supervisor {

using core::Answer;
using core::Refusal;
using core::Verb;

namespace {

/// Swap and memory, which version 1 bounds together, are asked for together,
/// whichever of them changes.
void ask_together(core::JobSpec& asked, const core::LimitSet& wanted) {
  const core::LimitTerms swap =
      core::terms_of(wanted.limits, wanted.terms, core::LimitKind::kSwap);
  if (swap.is_empty()) return;
  core::set_terms(asked.limits, asked.terms, swap);
  asked.limits.memory = wanted.limits.memory;
}

}  // namespace

Answer<void> JobService::set_limits(
    const core::Caller& caller, core::JobId jid,
    const std::vector<core::LimitChange>& changes, bool accepts_less) {
  settle();
  const core::Job* const job = TRY(look_up(caller, jid, Verb::kControl));
  if (job->state >= core::JobState::kClosing) return core::refuse_ended(jid);
  TRY(check_no_array(jid, "change the limits"));
  core::LimitSet wanted = {.limits = job->spec.limits,
                           .terms = job->spec.terms};
  core::JobSpec asked = job->spec;
  asked.engine = job->engine;
  asked.accepts_less = accepts_less;
  asked.limits = {};
  asked.terms = {};
  for (const core::LimitChange& change : changes) {
    TRY(parts_->admission.check_change(caller, job->spec, change));
    if (change.is_empty() &&
        core::terms_of(wanted.limits, wanted.terms, change.kind).is_empty())
      continue;  // there was none
    const auto why =
        parts_->admission.division_of(job->spec).why_fixed(change.kind);
    if (!why.empty())
      return refuse(Refusal::kNotSupported,
                    std::string("limit '") + core::row_of(change.kind).word +
                        "' of " + core::job_text(jid) +
                        " cannot be changed: it " + std::string(why));
    core::set_terms(wanted.limits, wanted.terms, change);
    core::set_terms(asked.limits, asked.terms, change);
  }
  ask_together(asked, wanted);
  TRY(parts_->admission.check_limits(asked));
  if (core::has_followed(*job) && !accepts_less)
    TRY(check_none_within(jid, parts_->admission.division_of(asked)));
  parts_->admission.narrow(job->spec.parent, wanted.limits, wanted.terms);
  const std::vector<NewLimits> within = narrowed_within(*job, wanted);
  TRY(try_all(within, *job, wanted));
  if (auto done =
          carry_out(jid, core::event::LimitsChanged{.by = caller.uid,
                                                    .limits = wanted.limits,
                                                    .terms = wanted.terms});
      !done) {
    hold_as_before(jid);
    for (const NewLimits& one : within)
      hold_as_before(one.jid);
    return done;
  }
  for (const NewLimits& one : within)
    post(one.jid, core::event::LimitsChanged{.by = caller.uid,
                                             .limits = one.set.limits,
                                             .terms = one.set.terms});
  return {};
}

/// What becomes of the limits of jobs within, the innermost first: none is
/// above that of a job around it.
std::vector<JobService::NewLimits> JobService::narrowed_within(
    const core::Job& job, const core::LimitSet& wanted) const {
  std::vector<NewLimits> changed;
  if (!parts_->containers.has_nested(job.jid)) return changed;
  core::JobSpec around = job.spec;
  around.engine = job.engine;
  around.limits = wanted.limits;
  around.terms = wanted.terms;
  for (const auto& [jid, entry] : table_.jobs()) {
    if (entry.job.state >= core::JobState::kClosing || !is_within(jid, job.jid))
      continue;
    core::LimitSet set = {.limits = entry.job.spec.limits,
                          .terms = entry.job.spec.terms};
    parts_->admission.narrow(around, set.limits, set.terms);
    if (set.limits != entry.job.spec.limits ||
        set.terms != entry.job.spec.terms)
      changed.push_back({.jid = jid, .set = std::move(set)});
  }
  // Who is nested came later.
  std::ranges::reverse(changed);
  return changed;
}

/// All of them, or none.
Answer<void> JobService::try_all(const std::vector<NewLimits>& within,
                                 const core::Job& job,
                                 const core::LimitSet& wanted) {
  Answer<void> held;
  std::size_t done = 0;
  for (; held && done < within.size(); ++done)
    held = try_limits(table_.find(within[done].jid)->job, within[done].set);
  if (held) held = try_limits(job, wanted);
  if (held) return {};
  while (done-- > 0)
    hold_as_before(within[done].jid);
  return held;
}

void JobService::hold_as_before(core::JobId jid) {
  const core::JobSpec& spec = table_.find(jid)->job.spec;
  (void)parts_->containers.hold(jid,
                                {.limits = spec.limits, .terms = spec.terms});
}

/// Who is followed is not in what would hold them.
Answer<void> JobService::check_none_within(core::JobId jid,
                                           const LimitDivision& division) {
  const core::LimitKind kind = division.held_within();
  if (kind == core::LimitKind::kNone) return {};
  return refuse(Refusal::kNotSupported,
                std::string("limit '") + core::row_of(kind).word + "' of " +
                    core::job_text(jid) +
                    " would not hold for the processes that it follows; "
                    "--accept-less (AcceptsLess) takes what there is");
}

/// Before they are written down: what the kernel refuses is refused, and the
/// old ones hold again, as they do if we die in between.
Answer<void> JobService::try_limits(const core::Job& job,
                                    const core::LimitSet& limits) {
  if (!core::has_cgroup(job.engine)) return {};
  const auto held = parts_->containers.hold(job.jid, limits);
  // EBUSY: it has passed its limit, and is ended for that.
  if (held || held.error().code == EBUSY || held.error().code == ENOENT)
    return {};
  (void)parts_->containers.hold(
      job.jid, {.limits = job.spec.limits, .terms = job.spec.terms});
  return refuse(Refusal::kUnavailable,
                "the kernel does not hold " + core::job_text(job.jid) +
                    " to these limits: " + held.error().message().c_str());
}

}  // namespace supervisor
