// SPDX-License-Identifier: Apache-2.0
// Who is followed for a job (core/followed.h), and what descends from them: as
// one reading of /proc shows it, and the kernel where eBPF counts
// (followed_map.h). Elsewhere a descendant is a member while the chain of its
// parents leads there; who was orphaned away from it is not, as no container
// holds him.
//
// Invariant: who is in a job's container is never found here.
#pragma once

#include <optional>
#include <vector>

#include "core/job_machine.h"
#include "supervisor/followed_map.h"

namespace supervisor {

/// How a process is known from now on; nothing: it has gone.
[[nodiscard]] std::optional<core::Followed> know_process(core::Pid pid);

/// Whether the number is still that process's.
[[nodiscard]] bool is_still(const core::Followed& process);

/// What it used, with the children that it waited for; a zombie's is final.
[[nodiscard]] std::optional<core::CpuUse> cpu_use_of(core::Pid pid);

/// Those who live, in no order: those whom the kernel knows, and who descends
/// by his parents from who is followed by name. `map`: what the kernel knows.
[[nodiscard]] std::vector<core::Pid> followed_members(const core::Job& job,
                                                      const FollowedMap& map);

/// Sends each of them the signal, through a pidfd.
void signal_followed(const core::Job& job, const FollowedMap& map,
                     core::SignalNumber signal);

/// Stops what a reading finds until one finds nobody new, and kills them then:
/// who forks meanwhile loses no child to others.
void kill_followed(const core::Job& job, const FollowedMap& map);

/// What the living used since they were attached.
[[nodiscard]] core::CpuUse use_of_followed(const core::Job& job,
                                           const FollowedMap& map);

/// Adds what the living and the ended used to what the container counted, where
/// that counted anything. `cgroup`: the container's id; 0: it has none.
void add_followed(const core::Job& job, const FollowedMap& map,
                  std::uint64_t cgroup, core::JobTotals& totals);

}  // namespace supervisor
