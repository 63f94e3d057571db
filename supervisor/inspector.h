// SPDX-License-Identifier: Apache-2.0
// Reads containers and tells what it found: Emptied or Populated. A reading
// waits for the end of the loop's round, so that a job whose thousand processes
// end at once is read once. A cgroup that is found empty is told only when the
// reaper has answered a barrier: then the records of its processes are in. (A
// scope answers behind its records anyway.)
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "supervisor/containers.h"
#include "supervisor/event_sink.h"
#include "supervisor/followed_map.h"
#include "supervisor/job_table.h"
#include "supervisor/job_watch.h"
#include "supervisor/scope_link.h"

namespace supervisor {

class Inspector {
 public:
  Inspector(EventLoop& loop, const JobTable& table, Containers& containers,
            KeptHandles& handles, ScopeLinks& scopes, JobWatch& watch,
            EventSink& sink, const FollowedMap& followed)
      : loop_(loop),
        table_(table),
        containers_(containers),
        handles_(handles),
        scopes_(scopes),
        watch_(watch),
        sink_(sink),
        followed_(followed) {}

  void inspect_soon(core::JobId jid);
  /// How a barrier is sent to the reaper, with its number.
  void set_barrier(std::function<void(std::uint64_t)> send) {
    send_barrier_ = std::move(send);
  }
  /// How what was counted besides is added to a job's totals.
  void set_counter(
      std::function<void(const core::Job&, core::JobTotals&)> add) {
    add_count_ = std::move(add);
  }
  /// The reaper's answer to a barrier.
  void on_barrier(std::uint64_t number);
  /// A scope's answer to the question that inspect_soon() asked it.
  void on_answer(core::JobId jid, const Inhabitants& found);
  void forget(core::JobId jid);

 private:
  void inspect(core::JobId jid);
  void inspect_cgroup(const core::Job& job);
  void inspect_scope(const core::Job& job);
  void tell(const core::Job& job, const Inhabitants& found);
  void tell_empty(const core::Job& job);
  void tell_empty_soon(core::JobId jid);

  EventLoop& loop_;
  const JobTable& table_;
  Containers& containers_;
  KeptHandles& handles_;
  ScopeLinks& scopes_;
  JobWatch& watch_;
  EventSink& sink_;
  const FollowedMap& followed_;
  std::set<core::JobId> wanted_;
  std::function<void(std::uint64_t)> send_barrier_;
  std::function<void(const core::Job&, core::JobTotals&)> add_count_;
  std::uint64_t last_barrier_ = 0;
  bool barrier_is_due_ = false;
  /// Empty jobs, and the barrier that each waits for.
  std::map<core::JobId, std::uint64_t> empty_;
  /// Empty jobs of whose main process nobody has told anything yet.
  std::map<core::JobId, Timer> patience_;
};

}  // namespace supervisor
