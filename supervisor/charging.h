// SPDX-License-Identifier: Apache-2.0
// To whom a new job is charged, or the sentence why it may not be.
#pragma once

#include "core/authority.h"
#include "core/job_spec.h"
#include "core/refusal.h"

namespace supervisor {

/// Checks the project and the account of a job whose user is known, and gives
/// the project its number. `outer`: the job that it is nested in, whose project
/// it has unless it names one; or null.
/// Errors: kInvalid for words that are none and projects that are not there,
/// kAccessDenied for one that the user may not charge.
[[nodiscard]] core::Answer<void> settle_charge(
    const core::Caller& caller, const core::AuthorityRules& rules,
    const core::JobSpec* outer, core::JobSpec& spec);

}  // namespace supervisor
