// SPDX-License-Identifier: Apache-2.0
// Urgency: what ends jobs runs before everybody else, where it may: a scope, the
// supervisor, its kill workers, and `corral kill`. They sleep nearly all the
// time; but when a job is to be ended they compete with all of it that is not
// stopped yet, and a fork bomb is a few hundred for each processor. Measured: a
// scope was 10 s late even to see that the time was up, and `corral kill` of a
// full bomb of 3,000 was not over in 25 s, 0.42 s with this.
#pragma once

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sys {

/// Real-time priority where that is allowed (CAP_SYS_NICE, RLIMIT_RTPRIO), else
/// the best nice value that is (RLIMIT_NICE), else nothing. What is forked from
/// here on runs at the usual priority again (sched(7), SCHED_RESET_ON_FORK): not
/// at the caller's, so a scope calls this after its command was born.
inline void become_urgent() {
  constexpr int kBestNice = -20;
  sched_param first = {};
  first.sched_priority = 1;
  // musl's function of this name only says ENOSYS.
  if (::syscall(SYS_sched_setscheduler, 0, SCHED_FIFO | SCHED_RESET_ON_FORK,
                &first) == 0)
    return;
  for (int nice = kBestNice; nice < 0; ++nice)
    if (::setpriority(PRIO_PROCESS, 0, nice) == 0) return;
}

}  // namespace sys
