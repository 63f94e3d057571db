// SPDX-License-Identifier: Apache-2.0
// The taskstats collector as the supervisor has it: a worker
// (collect/taskstats_service.h) that is told of jobs, of who was launched and
// who is moved, and the ring that it fills.
//
// Invariants:
//  - The ring is in the store: what is in it is written whoever of the worker,
//    the scribe and the supervisor dies.
//  - While there is no worker nobody counts: a job that lived then is not sure
//    to have been counted in full, and says so. What was counted before stays
//    (collect/kept_counts.h), so its number is that of its records.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "accounting/taskstats_packets.h"
#include "core/ids.h"
#include "core/job_totals.h"
#include "supervisor/store_link.h"
#include "supervisor/worker.h"

namespace supervisor {

class TaskstatsLink {
 public:
  using Done = std::function<void()>;
  /// It works (empty), or why not; told again when a worker that is started
  /// again can no longer.
  using Begun = std::function<void(std::string_view why)>;

  TaskstatsLink(EventLoop& loop, StoreLink& store, std::string program,
                Begun begun);

  /// What a store gave back. False: the name is none of its.
  [[nodiscard]] bool adopt(std::string_view name, sys::UniqueFd& fd);
  [[nodiscard]] bool has_ring() const;
  /// A new store knows nothing: puts all again.
  void put_again();
  /// Makes the ring, where none was adopted, and starts the worker. `size`:
  /// bytes, a power of two. Errors: those of memfd_create(2).
  [[nodiscard]] core::Result<void> start(std::uint64_t size);
  /// The worker ends, and the ring is gone.
  void stop();
  /// Of the ring: accounting::kTaskstatsParts descriptors, for the scribe.
  [[nodiscard]] int part(std::size_t which) const {
    return parts_[which].get();
  }

  /// `creator`: who will clone into its cgroup; 0: the reaper. `done` before
  /// anybody does.
  void enrol(core::JobId jid, core::Pid creator, std::uint64_t project_id,
             Done done);
  /// One that lives already, of a supervisor before.
  void enrol_again(core::JobId jid, std::uint64_t project_id);
  void withdraw(core::JobId jid);
  [[nodiscard]] bool has_jobs() const { return !jobs_.empty(); }
  void note_member(core::JobId jid, core::Pid pid);
  /// Around each move of processes.
  void begin_move(Done done);
  void end_move();
  /// `done` when all who have ended are counted.
  void barrier(Done done);
  void add_totals(core::JobId jid, core::JobTotals& totals) const;

 private:
  struct Counted {
    core::Pid creator;
    std::uint64_t project_id = 0;
    std::uint64_t exits = 0;
    std::uint64_t lost = 0;
    bool is_sure = true;    ///< as the worker says
    bool was_left = false;  ///< there was no worker for a while
  };
  struct Asked {
    accounting::TaskstatsRequest request;
    Done done;
  };

  void ask(accounting::TaskstatsOrder order, core::JobId jid, core::Pid pid,
           Done done = {});
  void send(const accounting::TaskstatsRequest& request);
  void on_start();
  void on_reply(std::span<const std::byte> packet);
  void on_count(const accounting::TaskstatsReply& reply);
  void on_death();

  StoreLink& store_;
  Begun begun_;
  sys::UniqueFd parts_[accounting::kTaskstatsParts];
  std::map<core::JobId, Counted> jobs_;
  std::map<std::uint64_t, Asked> asked_;  ///< by number; not answered yet
  std::uint64_t last_number_ = 0;
  int moves_ = 0;
  bool is_begun_ = false;
  WorkerPlan plan_;
  EventLoop& loop_;
  std::optional<WorkerProcess> worker_;
};

}  // namespace supervisor
