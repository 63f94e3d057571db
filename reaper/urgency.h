// SPDX-License-Identifier: Apache-2.0
// Urgency: while a job is being ended, its scope runs before everybody else,
// where it may. It competes with all that it has not stopped yet, and a fork
// bomb is a few hundred of them for each processor.
#pragma once

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace reaper {

/// Real-time priority where that is allowed (CAP_SYS_NICE, RLIMIT_RTPRIO), else
/// the best nice value that is (RLIMIT_NICE), else nothing. For good: the scope
/// has nothing to do after it.
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

}  // namespace reaper
