// SPDX-License-Identifier: Apache-2.0
// Urgency: a scope runs before everybody else, where it may. It sleeps nearly
// all the time; but when its job is to be ended it competes with all of the job
// that it has not stopped yet, and a fork bomb is a few hundred for each
// processor: measured, it was then 10 s late even to see that the time was up.
#pragma once

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace reaper {

/// Real-time priority where that is allowed (CAP_SYS_NICE, RLIMIT_RTPRIO), else
/// the best nice value that is (RLIMIT_NICE), else nothing. Only after the
/// command was born: it would not get the caller's priority back.
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
