// SPDX-License-Identifier: Apache-2.0
// Which processes are in a job now, whatever contains it, and those of them
// that are in one process group.
#pragma once

#include <vector>

#include "core/job_machine.h"
#include "core/quantity.h"
#include "supervisor/containers.h"
#include "supervisor/followed_map.h"
#include "supervisor/scope_link.h"

namespace supervisor {

/// What knows them.
struct MemberSources {
  Containers& containers;
  const ScopeLinks& scopes;
  const FollowedMap& followed;
};

/// Whether the job's command and its scope are an ordinary user's own
/// processes: what that scope tells is his word.
[[nodiscard]] bool is_of_users_scope(const core::Job& job);

/// Whether a number that was told as one of the job's can be: of a user's scope
/// only a process that is his now.
[[nodiscard]] bool is_believed(const core::Job& job, core::Pid told);

/// The job's scope while its link is open, or 0. A user could name anybody's
/// process as his: that one counts while all of it is his.
[[nodiscard]] core::Pid scope_of(const core::Job& job,
                                 const ScopeLinks& scopes);

/// By ascending pid. One may come or go meanwhile.
[[nodiscard]] std::vector<core::Pid> members_of(const core::Job& job,
                                                const MemberSources& sources);

/// Those of them whom the engine subreaper holds; in no order.
[[nodiscard]] std::vector<core::Pid> scope_members(const core::Job& job,
                                                   const ScopeLinks& scopes);

/// Those of them that are in the process group.
[[nodiscard]] std::vector<core::Pid> members_of_group(
    const core::Job& job, core::Pid group, const MemberSources& sources);

/// Sends the signal to each of those, through a pidfd: whoever is no member of
/// the job any more when that is open gets nothing. Returns the first errno
/// that is no sign of its end; 0: none.
int signal_group(const core::Job& job, core::Pid group,
                 core::SignalNumber signal, const MemberSources& sources);

}  // namespace supervisor
