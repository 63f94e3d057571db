// SPDX-License-Identifier: Apache-2.0
// How the first process of an ordinary user's foreground job comes into its
// cgroup: he clones it himself, and may not write our cgroups; nor may he be
// given a descriptor that root has opened, by which he could move anybody.
//
// His scope gets two descriptors that its child writes one byte to, as it does
// to join a group of version 1 (reaper::kJoin), before it executes anything:
//   - to the *place*, a socket: the kernel says who wrote (SCM_CREDENTIALS),
//     and that process is moved, if it is the caller's child and all his;
//   - to the *gate*, a socket that is full: the write waits until it is read.
// What is refused finds the gate closed (EPIPE, ECONNRESET), and executes
// nothing.
//
// Invariants:
//  - Both, and a pidfd of the caller, are in the store before he has the other
//    ends: the next supervisor goes on with them. The word stays in the socket
//    until the gate was opened.
//  - The main process that the job believes in is the one that was moved,
//    whatever the scope says.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/containers.h"
#include "supervisor/event_loop.h"
#include "supervisor/job_table.h"
#include "supervisor/kept_handles.h"
#include "supervisor/mover.h"

namespace supervisor {

class ScopePlaces {
 public:
  struct Parts {
    EventLoop& loop;
    const JobTable& table;
    KeptHandles& handles;
    Containers& containers;
    std::string program = kOwnProgram;  ///< whose worker moves
  };
  explicit ScopePlaces(const Parts& parts)
      : parts_(parts), mover_(parts.loop, parts.program) {}

  /// Around each move.
  void set_guard(Mover::Guard guard) { mover_.set_guard(std::move(guard)); }

  /// By descent: of a process that no container holds.
  void set_job_around(std::function<core::JobId(core::Pid)> job_around) {
    job_around_ = std::move(job_around);
  }

  /// The ends for the scope that `caller` is to become, in order.
  [[nodiscard]] core::Result<std::vector<sys::UniqueFd>> offer(
      core::JobId jid, core::Pid caller);
  /// Takes up what the store gave back.
  void resume(core::JobId jid);
  /// Whether the job's first process has to come by us.
  [[nodiscard]] bool is_needed(core::JobId jid) const;
  /// Who came; nothing: nobody yet, or he has ended already.
  [[nodiscard]] std::optional<core::Pid> placed(core::JobId jid) const;
  /// Who waits at the gate, or comes to it, executes nothing.
  void shut(core::JobId jid);
  /// It runs, or does not come.
  void close(core::JobId jid);

 private:
  struct Place {
    IoWatch word;
    core::Pid pid;
  };
  struct Coming {
    core::JobId jid;
    core::Pid pid;
  };

  void watch(core::JobId jid);
  [[nodiscard]] const core::Job* waiting_job(core::JobId jid) const;
  void on_word(core::JobId jid);
  void let_in_next(core::Uid owner);
  void let_in(const Coming& who, std::function<void()> done);
  [[nodiscard]] core::Answer<Move> prepare(core::JobId jid, core::Pid sender);
  void on_moved(core::JobId jid, core::Pid pid,
                const core::Result<std::uint32_t>& moved);
  void refuse_entry(core::JobId jid, std::string_view why);

  Parts parts_;
  Mover mover_;  ///< attach and logins do not wait for who comes slowly
  std::map<core::JobId, Place> places_;
  /// The first is on its way: who comes slowly on purpose lets his own wait.
  std::map<core::Uid, std::deque<Coming>> coming_;
  std::function<core::JobId(core::Pid)> job_around_;
};

}  // namespace supervisor
