// SPDX-License-Identifier: Apache-2.0
// Jobs as others see them: a face's view, a scope's report.
#pragma once

#include <string>

#include "core/job_control.h"
#include "reaper/protocol.h"

namespace supervisor {

/// Of the job what names it, its kinds and states, times and result.
[[nodiscard]] core::JobView row_view_of(const core::Job& job);

/// A copy of the job for a caller who may or may not see its arguments.
/// `container` is the path below the cgroup mount, empty if there is none.
[[nodiscard]] core::JobView view_of(const core::Job& job, bool may_inspect,
                                    std::string container);

/// What a scope prints of its job's end.
[[nodiscard]] reaper::ScopeEnded scope_ended_of(const core::Job& job);

/// A living process, or nothing if it has gone.
[[nodiscard]] std::optional<core::ProcessView> process_view(core::Pid pid);

}  // namespace supervisor
