// SPDX-License-Identifier: Apache-2.0
// What is known of a process that is to be attached or detached, read in an
// order that makes it sure: the pidfd first, then the facts, then whether the
// pidfd's process still lives. So the facts are its own, whatever became of the
// number.
#pragma once

#include <cstddef>
#include <vector>

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

/// Real, effective, saved, and the file system's (proc_pid_status(5)).
inline constexpr std::size_t kKindsOfUid = 4;
/// Fewer: it has ended.
[[nodiscard]] std::vector<core::Uid> uids_of(core::Pid pid);
/// Whether all of them are `uid`. Of a number that is not held (a pidfd that
/// has not ended, a tracer) it says who has it now.
[[nodiscard]] bool is_all_of(core::Pid pid, core::Uid uid);

/// Whose pidfd that is, by its own word (proc_pid_fdinfo(5)). Refused:
/// kNoSuchProcess: it has ended, or is not visible here; kInvalid: no pidfd.
[[nodiscard]] core::Answer<core::Pid> pid_of(int pidfd);

}  // namespace supervisor
