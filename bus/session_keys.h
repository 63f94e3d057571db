// SPDX-License-Identifier: Apache-2.0
// The keys of CreateSessionJob's a{sv}: its own, and those of a job's spec that
// a session has too (spec_keys.h).
#pragma once

#include "bus/value.h"
#include "core/job_control.h"

namespace bus {

/// Reads and checks the request; the leader's descriptor is duplicated.
[[nodiscard]] core::Answer<core::SessionRequest> session_of(const Dict& dict);
/// Without the leader.
[[nodiscard]] Dict dict_of(const core::SessionRequest& request);

}  // namespace bus
