// SPDX-License-Identifier: Apache-2.0
// What a detached job does not inherit from its instance: how urgent it is, and
// how the out-of-memory killer spares it. An instance may be given either (its
// unit says OOMScoreAdjust=-900), which is for the supervisor, the store and
// the workers, not for what they run. The processors that it may use are a
// bound, not a privilege: they hold for its jobs too.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace reaper {

/// In the child, as the instance's user still. What may not be set stays: who
/// has no privilege cannot take back what was made worse.
inline void take_usual_schedule() {
  sched_param none = {};
  (void)::syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &none);
  (void)::setpriority(PRIO_PROCESS, 0, 0);
  // ioprio_set(2): IOPRIO_WHO_PROCESS, IOPRIO_CLASS_NONE, which follows nice.
  (void)::syscall(SYS_ioprio_set, 1, 0, 0);
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the system call is so
  const int file = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  (void)!::write(file, "0", 1);
  (void)::close(file);
}

}  // namespace reaper
