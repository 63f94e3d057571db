// SPDX-License-Identifier: Apache-2.0
// The cgroup2 engine's containers as the supervisor needs them: one directory a
// job below the base, named by core::path_name(), and where version 2 has no
// controllers, for limits, one in hierarchies of version 1. Virtual, so that
// the flow of effects is tested without a kernel.
//
// Invariant: a directory is opened for each deed and closed after it: the
// supervisor holds no descriptor for a job's container.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/ids.h"
#include "core/job_control.h"
#include "core/job_peaks.h"
#include "core/job_totals.h"
#include "core/limit_hold.h"
#include "core/quantity.h"
#include "core/text.h"
#include "supervisor/cgroup1_limits.h"
#include "supervisor/rate_limits.h"
#include "sys/unique_fd.h"

namespace supervisor {

/// What lives in a container.
struct Inhabitants {
  std::uint32_t count = 0;
  core::Text<120> names;  ///< some of their names, separated by ", "
};

/// By which a job's crossing of its soft bound of memory is told: one of both,
/// or neither.
struct SoftMemoryEvents {
  sys::UniqueFd events;  ///< eventfd(2)
  std::string file;      ///< that is modified (inotify(7))
};

class Containers {
 public:
  virtual ~Containers() = default;
  /// The job's container is, or will be, within that of `parent`.
  virtual void nest(core::JobId jid, core::JobId parent) = 0;
  /// The job that it is nested in; kNoJob: none.
  [[nodiscard]] virtual core::JobId parent(core::JobId jid) const = 0;
  /// Makes the container, or finds it made already.
  [[nodiscard]] virtual core::Result<void> make(core::JobId jid) = 0;
  /// The directory (O_RDONLY), for the clone, the killer and the scope.
  [[nodiscard]] virtual core::Result<sys::UniqueFd> open(core::JobId jid) = 0;
  /// Likewise, where a newcomer's number is written. When controllers hold jobs
  /// that are nested in it, the one in it of its own processes (cgroup-v2.rst,
  /// "No Internal Process Constraint"); where that was given away, one beside.
  [[nodiscard]] virtual core::Result<sys::UniqueFd> open_for_newcomer(
      core::JobId jid) = 0;
  /// Likewise, of a job whose own processes were given a directory.
  [[nodiscard]] virtual core::Result<sys::UniqueFd> open_own(
      core::JobId jid) = 0;
  /// The number by which the kernel knows it. Errors: ENOENT.
  [[nodiscard]] virtual core::Result<std::uint64_t> id(core::JobId jid) = 0;
  /// Whether a process lives in it. A container that is gone is empty.
  [[nodiscard]] virtual core::Result<bool> is_populated(core::JobId jid) = 0;
  [[nodiscard]] virtual Inhabitants inhabitants(core::JobId jid) = 0;
  [[nodiscard]] virtual std::vector<core::Pid> members(core::JobId jid) = 0;
  /// With what is nested in it, but for who was killed for lack of memory.
  [[nodiscard]] virtual core::JobTotals totals(core::JobId jid) = 0;
  /// What else is known of it once it is empty.
  [[nodiscard]] virtual core::JobPeaks peaks(core::JobId /*jid*/) { return {}; }
  /// The counters of `usage.jid`, as far as there are any.
  virtual void read_usage(core::UsageView& usage) = 0;
  /// Has the kernel hold what it can hold for the whole job: memory, processes.
  /// Can be repeated, with other limits. Errors: EBUSY: more memory is used.
  [[nodiscard]] virtual core::Result<void> hold(
      core::JobId jid, const core::LimitSet& limits) = 0;
  /// Gives the directory of its own processes to that user, with all
  /// controllers that the base has or can have (systemd.io/CGROUP_DELEGATION):
  /// its first process is a newcomer. Can be repeated.
  [[nodiscard]] virtual core::Result<void> delegate(core::JobId jid,
                                                    core::Uid uid,
                                                    core::Gid gid) = 0;
  /// What version 2 holds for it, as its files say: of a job whose history is
  /// lost nobody else knows.
  [[nodiscard]] virtual core::JobLimits held(core::JobId jid) = 0;
  /// Tells of memory above `soft` once hold() was told of that bound.
  [[nodiscard]] virtual SoftMemoryEvents soft_memory_events(
      core::JobId jid, std::uint64_t soft) = 0;
  /// What it uses, where that is counted.
  [[nodiscard]] virtual core::Maybe<core::Bytes> memory_now(
      core::JobId jid) = 0;
  /// How many processes and threads the kernel counts in the job and in those
  /// nested in it; absent where none are counted.
  [[nodiscard]] virtual core::Maybe<std::uint64_t> tasks_now(
      core::JobId jid) = 0;
  /// Becomes readable when a member met the limit of memory and the kernel
  /// kills it alone (version 1); not open where the kernel ends the whole job.
  [[nodiscard]] virtual core::Result<sys::UniqueFd> memory_events(
      core::JobId jid) = 0;
  /// So many were killed for lack of memory, in it and in what is nested in it.
  [[nodiscard]] virtual std::uint64_t memory_kills(core::JobId jid) = 0;
  /// Files that the first process writes itself into (reaper::kJoin).
  [[nodiscard]] virtual core::Result<std::vector<sys::UniqueFd>> joins(
      core::JobId jid) = 0;
  /// Directories of cgroups for who is taken out of it, the best first: the
  /// parent's container, or `origin` (below the mount), or the directory above
  /// the base, or where that passes controllers down "left" in the base.
  [[nodiscard]] virtual std::vector<sys::UniqueFd> exits(
      core::JobId jid, const std::string& origin) = 0;
  /// Files that such a process writes itself into before.
  [[nodiscard]] virtual core::Result<std::vector<sys::UniqueFd>> leaves(
      core::JobId jid) = 0;
  [[nodiscard]] virtual core::Result<void> signal_all(
      core::JobId jid, core::SignalNumber signal) = 0;
  [[nodiscard]] virtual bool is_frozen(core::JobId jid) = 0;
  /// Errors: EBUSY while a process lives in it, or a job is nested in it; none
  /// if it is gone.
  [[nodiscard]] virtual core::Result<void> remove(core::JobId jid) = 0;
  [[nodiscard]] virtual bool has_nested(core::JobId jid) const = 0;
  /// The jobs that have a container, each behind what it is nested in.
  [[nodiscard]] virtual std::vector<core::JobId> all() = 0;
  /// When it was made, as its directory says.
  [[nodiscard]] virtual core::Moment made(core::JobId jid) = 0;
  /// Of the control file that tells of emptiness, for inotify(7).
  [[nodiscard]] virtual std::string events_path(core::JobId jid) const = 0;
  /// The container below the cgroup mount, as /proc/PID/cgroup has it.
  [[nodiscard]] virtual std::string path(core::JobId jid) const = 0;
};

namespace detail {

/// In a job's directory, for its own processes where controllers hold jobs that
/// are nested in it, or where that is its user's; no job has such a name.
inline constexpr const char* kOwnProcesses = "own";

/// Whether a cgroup's controllers are those of the cgroups below it too.
[[nodiscard]] bool passes_controllers(int directory);

}  // namespace detail

class CgroupContainers final : public Containers {
 public:
  /// `base` is an absolute path, `directory` the same, open; not open where
  /// there is no writable cgroup v2: then every deed fails with ENOTSUP. What
  /// an instance before left in other hierarchies is removed.
  CgroupContainers(std::string base, sys::UniqueFd directory,
                   const sys::LimitFacts& limits = {});

  void nest(core::JobId jid, core::JobId parent) override;
  [[nodiscard]] core::JobId parent(core::JobId jid) const override;
  core::Result<void> make(core::JobId jid) override;
  core::Result<sys::UniqueFd> open(core::JobId jid) override;
  core::Result<sys::UniqueFd> open_for_newcomer(core::JobId jid) override;
  core::Result<sys::UniqueFd> open_own(core::JobId jid) override;
  core::Result<std::uint64_t> id(core::JobId jid) override;
  core::Result<bool> is_populated(core::JobId jid) override;
  Inhabitants inhabitants(core::JobId jid) override;
  std::vector<core::Pid> members(core::JobId jid) override;
  core::JobTotals totals(core::JobId jid) override;
  core::JobPeaks peaks(core::JobId jid) override;
  void read_usage(core::UsageView& usage) override;
  core::Result<void> hold(core::JobId jid,
                          const core::LimitSet& limits) override;
  core::Result<void> delegate(core::JobId jid, core::Uid uid,
                              core::Gid gid) override;
  core::JobLimits held(core::JobId jid) override;
  SoftMemoryEvents soft_memory_events(core::JobId jid,
                                      std::uint64_t soft) override;
  core::Maybe<core::Bytes> memory_now(core::JobId jid) override;
  core::Maybe<std::uint64_t> tasks_now(core::JobId jid) override;
  core::Result<sys::UniqueFd> memory_events(core::JobId jid) override;
  std::uint64_t memory_kills(core::JobId jid) override;
  core::Result<std::vector<sys::UniqueFd>> joins(core::JobId jid) override;
  std::vector<sys::UniqueFd> exits(core::JobId jid,
                                   const std::string& origin) override;
  core::Result<std::vector<sys::UniqueFd>> leaves(core::JobId jid) override;
  core::Result<void> signal_all(core::JobId jid,
                                core::SignalNumber signal) override;
  bool is_frozen(core::JobId jid) override;
  core::Result<void> remove(core::JobId jid) override;
  [[nodiscard]] bool has_nested(core::JobId jid) const override;
  std::vector<core::JobId> all() override;
  core::Moment made(core::JobId jid) override;
  [[nodiscard]] std::string events_path(core::JobId jid) const override;
  [[nodiscard]] std::string path(core::JobId jid) const override;

 private:
  [[nodiscard]] core::Result<void> hold_memory(core::JobId jid,
                                               const core::LimitSet& limits);
  [[nodiscard]] core::Result<void> hold_processes(core::JobId jid,
                                                  const core::LimitSet& limits);
  [[nodiscard]] core::Result<void> hold_rates(core::JobId jid,
                                              const RateBounds& rates);
  struct RateHolder {
    const char* controller;  ///< "+cpu"
    const char* file;        ///< that is there where the controller is
    core::Result<void> (*write)(const sys::Cgroup&, const RateBounds&);
  };
  [[nodiscard]] core::Result<void> hold_rate(core::JobId jid,
                                             const RateHolder& holder,
                                             bool is_bound,
                                             const RateBounds& rates);
  [[nodiscard]] RateBounds rates_for_groups(RateBounds rates) const;
  void find_passed_down();
  void remove_leftovers();
  [[nodiscard]] core::Result<void> pass_down(core::JobId jid,
                                             std::string_view controller);
  [[nodiscard]] core::Result<void> pass_into(core::JobId jid,
                                             std::string_view controller);
  void find_below(const std::string& path, core::JobId parent,
                  std::vector<core::JobId>& jobs);
  /// Of its directory, from the base.
  [[nodiscard]] std::string place_of(core::JobId jid) const;
  /// Of a file in it.
  [[nodiscard]] std::string path_in(core::JobId jid, const char* file) const;
  [[nodiscard]] core::Hold hold_of(core::LimitKind kind) const;

  std::string base_;
  std::string below_mount_;
  sys::UniqueFd directory_;
  core::LimitMeans means_;
  Cgroup1Limits groups_;
  /// The jobs' cgroups have more than what is there without any controller.
  bool has_controllers_ = false;
  std::set<std::string> passed_down_;  ///< "+cpu": controllers of the jobs
  std::map<core::JobId, core::JobId> parents_;  ///< of nested jobs
  /// As far as they were asked for: to ask the kernel waits for its lock of the
  /// hierarchy, beside every cgroup that is made or removed.
  std::map<core::JobId, std::uint64_t> ids_;
};

}  // namespace supervisor
