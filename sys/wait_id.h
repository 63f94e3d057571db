// SPDX-License-Identifier: Apache-2.0
// waitid(2) as the kernel has it, never waiting: what has become of a child,
// and what it used. Header only and allocation free.
#pragma once

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "core/ids.h"

namespace sys {

/// struct rusage as the kernel writes it; the C library's own may be longer.
struct KernelUsage {
  long user_seconds = 0;
  long user_microseconds = 0;
  long system_seconds = 0;
  long system_microseconds = 0;
  long maxrss_kib = 0;
  long unused_sizes[3] = {};
  long minflt = 0;
  long majflt = 0;
  long unused_counts[6] = {};
  long nvcsw = 0;
  long nivcsw = 0;
};

/// `options` as waitid(2) has them, but for WNOHANG. False: there is no such
/// child in any state. info.si_pid is 0 if it has nothing to tell. (The C
/// libraries' waitid has no place for the usage, the system call has.)
inline bool wait_id(idtype_t kind, core::Pid pid, siginfo_t& info, int options,
                    KernelUsage* usage = nullptr) {
  std::memset(&info, 0, sizeof info);
  return ::syscall(SYS_waitid, kind, pid.raw(), &info, options | WNOHANG,
                   usage) == 0;
}

}  // namespace sys
