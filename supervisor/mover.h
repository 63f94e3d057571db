// SPDX-License-Identifier: Apache-2.0
// Moving processes between cgroups. The write to cgroup.procs waits for locks
// that every fork takes, and fails for a moment while a process becomes another
// (EAGAIN): a worker does it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/ids.h"
#include "supervisor/event_loop.h"
#include "supervisor/pinned_move.h"
#include "supervisor/worker.h"
#include "sys/cgroup.h"

namespace supervisor {

/// One process, or all of a cgroup, on the way elsewhere.
struct Move {
  core::Pid pid;       ///< 0: all
  sys::UniqueFd from;  ///< the process's pidfd, or the cgroup's directory
  /// Directories of cgroups: the first that takes it. 1 to 3.
  std::vector<sys::UniqueFd> to;
  /// cgroup.procs of version 1, all of them, before the rest. At most 5.
  std::vector<sys::UniqueFd> joins;
  /// Who the process must be, or it is not moved: then nobody else can be
  /// (supervisor/pinned_move.h).
  std::optional<ChildFacts> only = std::nullopt;
};

class Mover {
 public:
  /// How many were moved. Errors: ESRCH: it has ended; EBUSY: some of a cgroup
  /// were forked faster than they were moved; those of a write to cgroup.procs;
  /// ETIME: the kernel did not come back in 10 s.
  using Done = std::function<void(core::Result<std::uint32_t>)>;

  explicit Mover(EventLoop& loop, std::string program = kOwnProgram);

  void move(Move move, Done done);

  /// What is to be done around each move: `begin` calls back when it may.
  struct Guard {
    std::function<void(std::function<void()>)> begin;
    std::function<void()> end;
  };
  void set_guard(Guard guard) { guard_ = std::move(guard); }

 private:
  void carry_out(Move move, Done done);

  Guard guard_;
  WorkerPool pool_;
};

/// Moves who is in the cgroup `from` itself into `to`, which is below it, here
/// and now. Who remains after many readings is left to the kernel to refuse.
/// Errors: those of a write to cgroup.procs.
[[nodiscard]] core::Result<void> move_down(const sys::Cgroup& from,
                                           const sys::Cgroup& to);

/// The worker "mover". Returns its exit code.
int run_mover_worker(int socket);

}  // namespace supervisor
