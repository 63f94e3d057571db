// SPDX-License-Identifier: Apache-2.0
#include "supervisor/job_members.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "supervisor/candidate.h"
#include "supervisor/followed_members.h"
#include "sys/pid_fd.h"
#include "sys/process_tree.h"

namespace supervisor {

bool is_of_users_scope(const core::Job& job) {
  return job.spec.kind == core::JobKind::kForeground &&
         job.owner != core::Uid(0) && job.owner != core::Uid(::geteuid());
}

bool is_believed(const core::Job& job, core::Pid told) {
  return !is_of_users_scope(job) || is_all_of(told, job.owner);
}

core::Pid scope_of(const core::Job& job, const ScopeLinks& scopes) {
  const core::Pid scope = scopes.scope_pid(job.jid);
  return scope != core::Pid() && is_believed(job, scope) ? scope : core::Pid();
}

std::vector<core::Pid> scope_members(const core::Job& job,
                                     const ScopeLinks& scopes) {
  const core::Pid scope = scope_of(job, scopes);
  if (scope != core::Pid()) {
    std::vector<core::Pid> pids = sys::job_processes_below(scope);
    // Its number may have been given to somebody else while that was read.
    if (!is_believed(job, scope)) return {};
    if (core::has_pid_namespace(job.engine))
      std::erase_if(pids, [scope](core::Pid pid) {
        return sys::is_namespace_init_of(scope, pid);
      });
    return pids;
  }
  const bool is_followed =
      job.main && job.followed && job.followed->has(*job.main);
  if (!job.main || job.main_has_ended || is_followed ||
      !is_believed(job, *job.main))
    return {};
  std::vector<core::Pid> pids = sys::descendants_of(*job.main);
  if (!is_believed(job, *job.main)) return {};
  pids.push_back(*job.main);
  return pids;
}

std::vector<core::Pid> members_of(const core::Job& job,
                                  const MemberSources& sources) {
  std::vector<core::Pid> pids = core::has_cgroup(job.engine)
                                    ? sources.containers.members(job.jid)
                                    : scope_members(job, sources.scopes);
  std::ranges::copy(followed_members(job, sources.followed),
                    std::back_inserter(pids));
  std::ranges::sort(pids);
  return pids;
}

std::vector<core::Pid> members_of_group(const core::Job& job, core::Pid group,
                                        const MemberSources& sources) {
  std::vector<core::Pid> pids = members_of(job, sources);
  std::erase_if(pids, [group](core::Pid pid) {
    return ::getpgid(pid.raw()) != group.raw();
  });
  return pids;
}

int signal_group(const core::Job& job, core::Pid group,
                 core::SignalNumber signal, const MemberSources& sources) {
  std::vector<std::pair<core::Pid, sys::PidFd>> candidates;
  for (const core::Pid pid : members_of_group(job, group, sources))
    if (auto pidfd = sys::PidFd::open(pid))
      candidates.emplace_back(pid, *std::move(pidfd));
  // Numbers that still belong to members belong to those whose pidfds we have.
  const std::vector<core::Pid> still = members_of_group(job, group, sources);
  int code = 0;
  for (const auto& [pid, pidfd] : candidates) {
    if (!std::ranges::binary_search(still, pid)) continue;
    const auto sent = pidfd.signal(signal);
    if (!sent && sent.error().code != ESRCH && code == 0)
      code = sent.error().code;
  }
  return code;
}

}  // namespace supervisor
