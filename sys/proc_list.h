// SPDX-License-Identifier: Apache-2.0
// All processes of /proc (proc(5)), zombies too. Who began and ended while it
// was being read may be missing. Allocation free and header only, as
// sys/proc_files.h is.
#pragma once

#include <fcntl.h>

#include <cstdint>
#include <utility>

#include "core/error.h"
#include "core/ids.h"
#include "core/visitor.h"
#include "sys/clock.h"
#include "sys/directory.h"
#include "sys/pid_fd.h"
#include "sys/proc_files.h"

namespace sys {

/// A process, with its pidfd where one was wanted: it was made first, so what
/// is sent through it goes to the one that the rest tells of. It is not open
/// where the kernel has none or no descriptor is left.
struct ListedProcess : ProcStat {
  PidFd pidfd;
};

/// What is wanted of each process: to read of it, or to signal it too.
enum class ListedFor : std::uint8_t { kReading, kSignalling };

/// Calls `visit` for every process, in the order of their pids; for none any
/// more once it is `until`. Errors: ENOENT where /proc is missing.
[[nodiscard]] inline core::Result<void> for_each_process(
    ListedFor purpose, core::Visitor<const ListedProcess&> visit,
    core::BootTime until = core::kEndOfTime) {
  return for_each_entry(AT_FDCWD, "/proc", [&](const DirectoryEntry& entry) {
    const core::Pid pid(number_of(entry.name));
    if (pid == core::Pid() || is_past(until)) return;
    core::Result<PidFd> pidfd = PidFd();
    if (purpose == ListedFor::kSignalling) pidfd = PidFd::open(pid);
    if (const auto stat = read_proc_stat(pid))
      visit({*stat, pidfd ? std::move(*pidfd) : PidFd()});
  });
}

}  // namespace sys
