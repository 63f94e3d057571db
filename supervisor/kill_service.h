// SPDX-License-Identifier: Apache-2.0
// Killing or freezing a whole cgroup. The write to cgroup.kill is synchronous
// in the kernel (30 us a process, 300 ms for 10,000) and a freeze must be
// waited for: both are done by workers, never by the loop.
#pragma once

#include <functional>
#include <string>

#include "core/error.h"
#include "core/ids.h"
#include "reaper/protocol.h"
#include "supervisor/event_loop.h"
#include "supervisor/worker.h"

namespace supervisor {

class KillService {
 public:
  /// Done, or why not: ENOENT, ENODEV when the cgroup has gone meanwhile,
  /// ETIME when the kernel did not come back in 30 s.
  using Done = std::function<void(core::Result<void>)>;

  /// `program` is corral-reaper. It is started at once: beside a fork bomb that
  /// would take minutes.
  KillService(EventLoop& loop, std::string program);

  /// cgroup.kill in `cgroup` (a directory, borrowed for the call).
  void kill_all(int cgroup, Done done);
  /// Freezes (waiting at most 500 ms for it), kills, thaws.
  void freeze_and_kill(int cgroup, Done done);
  /// Freezes; ETIME if some member is not frozen after 500 ms.
  void freeze(int cgroup, Done done);
  /// A signal to each member by its pidfd, and SIGCONT after it if it `wakes`:
  /// the time grows with the square of the members.
  void signal_all(int cgroup, core::SignalNumber signal, bool wakes, Done done);

 private:
  void ask(reaper::KillRequest::How how, core::SignalNumber signal, int cgroup,
           Done done);
  WorkerPool pool_;
};

}  // namespace supervisor
