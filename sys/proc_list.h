// SPDX-License-Identifier: Apache-2.0
// All processes of /proc (proc(5)), zombies too. Who began and ended while it
// was being read may be missing. Allocation free and header only, as
// sys/proc_files.h is.
#pragma once

#include <fcntl.h>

#include <utility>

#include "core/error.h"
#include "core/ids.h"
#include "core/visitor.h"
#include "sys/clock.h"
#include "sys/directory.h"
#include "sys/pid_fd.h"
#include "sys/proc_files.h"

namespace sys {

/// A process with its pidfd, which was made first: what is sent through it goes
/// to the one that the rest tells of. It is not open where the kernel has none
/// or no descriptor is left.
struct ListedProcess : ProcStat {
  PidFd pidfd;
};

/// Calls `visit` for every process, in the order of their pids; for none any
/// more once it is `until`. Errors: ENOENT where /proc is missing.
[[nodiscard]] inline core::Result<void> for_each_process(
    core::Visitor<const ListedProcess&> visit,
    core::BootTime until = core::kEndOfTime) {
  return for_each_entry(AT_FDCWD, "/proc", [&](const DirectoryEntry& entry) {
    const core::Pid pid(number_of(entry.name));
    if (pid == core::Pid() || is_past(until)) return;
    auto pidfd = PidFd::open(pid);
    if (const auto stat = read_proc_stat(pid))
      visit({*stat, pidfd ? std::move(*pidfd) : PidFd()});
  });
}

}  // namespace sys
