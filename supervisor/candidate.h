// SPDX-License-Identifier: Apache-2.0
// What is known of a process that is to be attached or detached, read in an
// order that makes it sure: the pidfd first, then the facts, then whether the
// pidfd's process still lives. So the facts are its own, whatever became of the
// number.
#pragma once

#include "core/attach_rules.h"
#include "sys/pid_fd.h"

namespace supervisor {

struct FoundProcess {
  core::Candidate facts;
  sys::PidFd pidfd;
};

/// Takes the reference. `job_is_ours` is the caller's to say. Refused:
/// kNoSuchProcess: it has ended, or is not visible here; kInvalid: it is a
/// thread, or the descriptor is no pidfd.
[[nodiscard]] core::Answer<FoundProcess> find_process(core::ProcessRef process);

/// Whose pidfd that is, by its own word (proc_pid_fdinfo(5)). Refused:
/// kNoSuchProcess: it has ended, or is not visible here; kInvalid: no pidfd.
[[nodiscard]] core::Answer<core::Pid> pid_of(int pidfd);

}  // namespace supervisor
