// SPDX-License-Identifier: Apache-2.0
// What the job machine does with those who are followed. Each says whether it
// changed anything: an event may be told twice.
#pragma once

#include <algorithm>

#include "core/followed.h"
#include "core/job_machine.h"

namespace core {

inline bool follow(Job& job, const event::Attached& attached) {
  const bool is_moved = attached.followed.start_ticks == 0;
  if (is_moved || (job.followed && job.followed->has(attached.pid)))
    return false;
  if (!job.followed) job.followed.emplace({});
  job.followed->living.push_back(attached.followed);
  return true;
}

inline bool unfollow(Job& job, Pid pid) {
  return job.followed &&
         std::erase_if(job.followed->living, [pid](const Followed& one) {
           return one.pid == pid;
         }) != 0;
}

inline bool unfollow_all(Job& job) {
  if (!has_followed(job)) return false;
  job.followed->living.clear();
  return true;
}

/// The end of one. What he used before he came is not the job's.
inline bool count_followed(Job& job, const event::FollowedEnded& ended) {
  const Pid pid(ended.record.pid);
  if (!job.followed) return false;
  FollowedProcesses& all = *job.followed;
  const auto at = std::ranges::find(all.living, pid, &Followed::pid);
  if (at == all.living.end()) return false;
  ++all.ended;
  if (!ended.used) ++all.unread;
  const CpuUse used = ended.used ? since(*ended.used, at->before) : CpuUse();
  all.used = {.user = all.used.user + used.user,
              .system = all.used.system + used.system};
  all.living.erase(at);
  return true;
}

inline Microseconds used_by_ended_followed(const Job& job) {
  if (!job.followed) return {};
  return job.followed->used.user + job.followed->used.system;
}

}  // namespace core
