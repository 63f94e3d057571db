// SPDX-License-Identifier: Apache-2.0
// Why a job ended, decided once, from all that is known of it then: parts of
// the job machine (job_machine.cc).
#pragma once

#include <optional>

#include "core/job_machine.h"

namespace core {

/// The cause of the end: see the invariants in job_machine.h.
[[nodiscard]] JobResult decide_result(const Job& job);

/// The limit that the job passed, also if that is seen only now, by its totals.
[[nodiscard]] std::optional<LimitHit> passed_limit(const Job& job,
                                                   const JobTotals& totals);

/// Once the program runs, or never will, only what people are shown is kept.
void forget_launch(JobSpec& spec);

/// When it ended, found empty `now`, however late that was noticed.
[[nodiscard]] Moment end_of(const Job& job, const Moment& now);

/// How what outlives its main process is ended.
[[nodiscard]] KillPlan straggler_plan(const JobSpec& spec);

/// The first step of a kill plan.
[[nodiscard]] effect::Signal first_signal(const KillPlan& plan);

}  // namespace core
