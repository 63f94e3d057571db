// SPDX-License-Identifier: Apache-2.0
// Who counts the processes of jobs: the eBPF collector where it works, else
// taskstats (supervisor/taskstats_link.h), else who reaps them.
//
// Invariants:
//  - It is in the kernel only while there are jobs: begun for the first one,
//    which waits for it; taken away when there has been none for a while and
//    all that it counted is in the accounting file. What loads it is a process
//    of its own (collect/main.cc).
//  - Its descriptors are in the store: while there is no supervisor it goes on,
//    and the next one goes on with it. Those of eBPF the reaper holds too, for
//    a store that dies together with the supervisor.
//  - A job is counted by one collector from its beginning: it is told which
//    when its container is made. Where none can work jobs are counted by who
//    reaps them, and why is known to who asks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accounting/collector_reply.h"
#include "core/collector.h"
#include "core/ids.h"
#include "core/job_totals.h"
#include "supervisor/followed_map.h"
#include "supervisor/job_table.h"
#include "supervisor/reaper_link.h"
#include "supervisor/recorder.h"
#include "supervisor/store_link.h"
#include "supervisor/taskstats_link.h"
#include "supervisor/worker.h"

namespace supervisor {

struct CollectionSite {
  std::optional<core::Collector> asked;  ///< absent: the best that works
  std::string program;                   ///< corral-collect; empty: none
  std::uint64_t ring = 0;    ///< bytes of its ring; 0: what is usual
  bool has_cgroups = false;  ///< jobs have cgroups to be known by
};

class Collection {
 public:
  using Enrolled = std::function<void(core::Collector)>;
  struct EnrolledJob {
    core::JobId jid;
    std::uint64_t cgroup = 0;      ///< its id
    std::uint64_t project_id = 0;  ///< that its records bear; 0: none
  };
  /// Told when another collector is used, or why not.
  using Changed = std::function<void(core::Collector, std::string_view why)>;

  struct Keepers {
    StoreLink& store;
    ReaperLink& reaper;  ///< not used before resume()
  };
  Collection(EventLoop& loop, Keepers keepers, Recorder& recorder,
             CollectionSite site, Changed changed);

  /// What a store gave back. False: the name is none of ours.
  [[nodiscard]] bool adopt(std::string_view name, sys::UniqueFd& fd);
  /// All was adopted that there is: goes on with it.
  void resume();
  /// kWait: none runs.
  [[nodiscard]] core::Collector running() const {
    return state_ == State::kRunning ? kind_ : core::Collector::kWait;
  }
  /// A new store knows nothing: puts all again.
  void put_again();
  /// A new reaper, or its next image, holds nothing: it holds all again.
  void hold_again();

  /// The process `pid` will clone the job's first one, not the reaper.
  void note_creator(core::JobId jid, core::Pid pid);
  /// From now on processes that end in the cgroup are the job's;
  /// `done` is told who counts them, at once or when it is known.
  void enrol(const EnrolledJob& job, Enrolled done);
  /// Those that live already; taskstats counts its own again.
  void enrol_again(const JobTable& table);
  /// The job's first process exists.
  void note_member(core::JobId jid, core::Pid pid);
  /// Around each move of processes between jobs.
  void begin_move(std::function<void()> done);
  void end_move();
  /// `done` when all who have ended are counted.
  void barrier(std::function<void()> done);
  /// Who counts the processes of that cgroup.
  [[nodiscard]] core::Collector counting(std::uint64_t cgroup) const;
  /// A process that is followed where it is counts for the job, with who
  /// descends from it; only where eBPF counts.
  void follow(const FollowedMap::Owner& job, const core::Followed& process);
  /// Of the job nobody else is followed any more than it says.
  void keep_followed(const core::Job& job);
  [[nodiscard]] const FollowedMap& followed() const { return followed_; }
  /// Nothing lives in the cgroup any more.
  void withdraw(core::JobId jid, std::uint64_t cgroup);
  /// The processes that ended in it, and how many of them have no record.
  void add_totals(core::JobId jid, std::uint64_t cgroup,
                  core::JobTotals& totals) const;

 private:
  enum class State : std::uint8_t { kAbsent, kLoading, kRunning, kImpossible };
  struct Waiting {
    EnrolledJob job;
    Enrolled done;
  };

  [[nodiscard]] std::string_view obstacle_to(core::Collector collector) const;
  void load();
  void load_ebpf();
  void begin_taskstats();
  void on_taskstats(std::string_view why);
  void keep_parts();
  void let_go();
  void tell_reaper();
  void on_reply(std::span<const std::byte> packet);
  void give_up(std::string_view why);
  void settle(State state, std::string_view why);
  void set_ring();
  void on_idle();
  void unload();
  void let_forks_go();
  [[nodiscard]] bool is_idle() const;
  [[nodiscard]] core::Collector put(const EnrolledJob& job);
  [[nodiscard]] int part(accounting::CollectorPart which) const {
    return parts_[static_cast<std::size_t>(which)].get();
  }

  EventLoop& loop_;
  StoreLink& store_;
  ReaperLink& reaper_;
  Recorder& recorder_;
  CollectionSite site_;
  Changed changed_;
  State state_ = State::kAbsent;
  /// Which runs, or is tried next.
  core::Collector kind_ = core::Collector::kEbpf;
  std::string why_not_better_;  ///< of taskstats
  bool has_uncounted_ = false;  ///< a job that nobody counts may live
  /// Behind what was loaded: the link of the program that follows children.
  sys::UniqueFd parts_[accounting::kCollectorParts + 1];
  FollowedMap followed_;
  bool has_forks_ = false;  ///< store and reaper hold the link
  TaskstatsLink taskstats_;
  std::map<core::JobId, core::Pid> creators_;
  std::vector<Waiting> waiting_;
  std::optional<WorkerProcess> loader_;
  Timer patience_;  ///< with the loader
  Timer idle_;      ///< until it is taken away
};

}  // namespace supervisor
