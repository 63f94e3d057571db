// SPDX-License-Identifier: Apache-2.0
// All processes of /proc (proc(5)), zombies too. Who began and ended while it
// was being read may be missing. Allocation free and header only, as
// sys/proc_files.h is.
#pragma once

#include <fcntl.h>

#include "core/error.h"
#include "core/ids.h"
#include "core/visitor.h"
#include "sys/directory.h"
#include "sys/proc_files.h"

namespace sys {

/// Calls `visit` for every process, in the order of their pids. Errors: ENOENT
/// where /proc is missing.
[[nodiscard]] inline core::Result<void> for_each_process(
    core::Visitor<const ProcStat&> visit) {
  return for_each_entry(AT_FDCWD, "/proc", [&](const DirectoryEntry& entry) {
    const core::Pid pid(number_of(entry.name));
    if (pid == core::Pid()) return;
    if (const auto stat = read_proc_stat(pid)) visit(*stat);
  });
}

}  // namespace sys
