// SPDX-License-Identifier: Apache-2.0
// The descendants of a process, by one reading of /proc: what `ps --forest`
// sees. A process may come or go meanwhile; good for showing, not for killing.
#pragma once

#include <vector>

#include "core/ids.h"
#include "core/quantity.h"

namespace sys {

/// The living descendants of `root`, not itself, in no order.
[[nodiscard]] std::vector<core::Pid> descendants_of(core::Pid root);
/// Likewise of several, in one reading; who is below two of them is there once.
[[nodiscard]] std::vector<core::Pid> descendants_of(
    const std::vector<core::Pid>& roots);

/// Those of them that are of the job whose scope `scope` is: the scope's own
/// helpers are not, children whose end no SIGCHLD tells (reaper/sentinel.h). No
/// process of a job can look so: an exec, and the death of its parent, put
/// SIGCHLD.
[[nodiscard]] std::vector<core::Pid> job_processes_below(core::Pid scope);

/// Whether `pid` is a child of the scope and the init of the pid namespace that
/// the scope contains its job in (reaper/pid_namespace.h).
[[nodiscard]] bool is_namespace_init_of(core::Pid scope, core::Pid pid);

/// The processor time of those of them who live, and of the children that they
/// waited for; in the grain of /proc, a hundredth of a second.
[[nodiscard]] core::Microseconds cpu_time_of(
    const std::vector<core::Pid>& processes);

}  // namespace sys
