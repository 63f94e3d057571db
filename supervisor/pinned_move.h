// SPDX-License-Identifier: Apache-2.0
// A move of a process by its number that cannot reach another: while it is
// traced, its number stays its own.
//
// The kernel takes a number for a write to cgroup.procs, and between a look and
// the write the process may end, be waited for, and its number be given to
// somebody else: who may choose when his process ends could hit another user's.
// A process that is traced is waited for by its tracer first (ptrace(2), "Death
// under ptrace"), and one that is stopped besides, and has no other thread,
// gives its number to none. The tracer here does nothing but this move.
#pragma once

#include <functional>

#include "core/error.h"
#include "core/ids.h"
#include "sys/pid_fd.h"

namespace supervisor {

/// Who a process must be to be moved.
struct ChildFacts {
  core::Pid parent;
  core::Uid uid;  ///< its real, effective, saved and file system's
};

/// Whether this process may trace those of others (capabilities(7); Yama's
/// ptrace_scope 3 forbids it to everybody).
[[nodiscard]] bool can_pin();

/// Calls `move` in a process of its own, with `pid` pinned. `pidfd` is its, and
/// was opened before anything was read of it. Errors: ESRCH: it has ended;
/// EPERM: it is not `expected`, has another thread, or somebody else traces it;
/// ETIME: it did not stop, or was not moved, within
/// two seconds; those of `move`.
[[nodiscard]] core::Result<void> move_pinned(
    core::Pid pid, const sys::PidFd& pidfd, const ChildFacts& expected,
    const std::function<core::Result<void>()>& move);

}  // namespace supervisor
