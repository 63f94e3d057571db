// SPDX-License-Identifier: Apache-2.0
// Cgroups of version 1 that hold limits of jobs: on a hybrid machine version 2
// says who belongs to a job and has no controllers. A job has a directory in
// the hierarchy of a controller only while a limit asks for it; its first
// process joins them before it becomes anybody (reaper/launch_block.h,
// kJoin), who runs already is moved to where processes are counted. A nested
// job's directory is in that of the job around it, which gets one for that:
// what bounds the outer one bounds both. The directories above are ours and go
// with the last job in them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/ids.h"
#include "core/job_totals.h"
#include "supervisor/rate_limits.h"
#include "sys/cgroup.h"
#include "sys/limit_facts.h"
#include "sys/unique_fd.h"

namespace supervisor {

class Cgroup1Limits {
 public:
  /// Of a job, the one that it is nested in; kNoJob: none.
  using ParentOf = std::function<core::JobId(core::JobId)>;

  Cgroup1Limits(sys::GroupPlaces places, ParentOf parent_of);

  /// Holds the job to `bound` bytes and so much of `swap` (none: nothing of
  /// it), or to nothing any more; `is_counted`: what it uses is to be known in
  /// any case. Nobody is moved: memory stays charged to the cgroup in which it
  /// was taken. Errors: EBUSY: more than that is used and cannot be given back.
  [[nodiscard]] core::Result<void> hold_memory(
      core::JobId jid, std::optional<std::uint64_t> bound, bool is_counted,
      std::optional<std::uint64_t> swap);
  /// Holds it to `bound` processes and threads, or to nothing any more. Who of
  /// `members` runs outside already is moved in, until a reading finds nobody.
  /// Error: EAGAIN: still somebody after many readings.
  [[nodiscard]] core::Result<void> hold_processes(
      core::JobId jid, std::optional<std::uint64_t> bound,
      const std::function<std::vector<core::Pid>()>& members);

  /// Holds it to these rates, or to none any more; who runs already is moved.
  [[nodiscard]] core::Result<void> hold_rates(
      core::JobId jid, const RateBounds& rates,
      const std::function<std::vector<core::Pid>()>& members);
  /// cgroup.procs of what bounds the job in each hierarchy, its own group or
  /// that of a job around it, for its first process to join.
  [[nodiscard]] core::Result<std::vector<sys::UniqueFd>> joins(
      core::JobId jid) const;
  /// cgroup.procs of the cgroups around its own, for who leaves the job.
  [[nodiscard]] core::Result<std::vector<sys::UniqueFd>> leaves(
      core::JobId jid) const;
  /// Becomes readable when the job met its limit of memory and could not do
  /// without, and when its group goes (eventfd(2)); not open without a group.
  [[nodiscard]] core::Result<sys::UniqueFd> memory_events(
      core::JobId jid) const;
  /// Becomes readable when the memory of a job that is counted crosses
  /// `threshold` bytes, up or down (eventfd(2)).
  [[nodiscard]] core::Result<sys::UniqueFd> memory_above(
      core::JobId jid, std::uint64_t threshold) const;
  /// What the job and those nested in it used of memory, where it has a group
  /// that knows.
  void add_totals(core::JobId jid, core::JobTotals& totals) const;
  /// Processes of the job, and of those nested in it, that were killed for lack
  /// of memory.
  [[nodiscard]] std::uint64_t kills_below(core::JobId jid) const;
  [[nodiscard]] core::Maybe<core::Bytes> memory_now(core::JobId jid) const;
  /// How many processes and threads the job's group of "pids" has.
  [[nodiscard]] core::Maybe<std::uint64_t> tasks_now(core::JobId jid) const;
  /// Errors: EBUSY while a process lives in one.
  [[nodiscard]] core::Result<void> remove(core::JobId jid);
  /// The jobs that have one, each with its path: "j...1/j...2".
  [[nodiscard]] std::map<core::JobId, std::string> all() const;

 private:
  [[nodiscard]] static core::Result<sys::UniqueFd> events_of(
      const sys::Cgroup& group, const char* file, std::string_view argument);
  /// In the hierarchy of which controller.
  enum class Place : std::uint8_t { kMemory, kPids, kCpu, kCpuset, kBlkio };
  static constexpr Place kPlaces[] = {Place::kMemory, Place::kPids, Place::kCpu,
                                      Place::kCpuset, Place::kBlkio};
  static constexpr unsigned bit_of(Place place) {
    return 1U << static_cast<unsigned>(place);
  }
  using Members = std::function<std::vector<core::Pid>()>;

  struct Groups {
    unsigned places = 0;  ///< in which it has a directory
    /// False: the one of "memory" is there for a nested job's, and who of this
    /// job ran before is not counted in it.
    bool counts_memory = true;
    std::uint64_t kills_within = 0;  ///< for lack of memory, of jobs that ended
    std::string path;                ///< below each place
  };

  void find_groups(Place place, int directory, const std::string& path);
  [[nodiscard]] const std::string& path_of(Place place) const;
  [[nodiscard]] bool has_group(Place place, core::JobId jid) const;
  [[nodiscard]] bool counts_memory(core::JobId jid) const;
  /// The job itself or the nearest around it that has a group; kNoJob: none.
  [[nodiscard]] core::JobId nearest(Place place, core::JobId jid) const;
  /// Errors: ENOENT.
  [[nodiscard]] core::Result<sys::Cgroup> open(Place place,
                                               core::JobId jid) const;
  [[nodiscard]] core::Result<sys::Cgroup> make(Place place, core::JobId jid);
  /// The job's group, made if there is a bound to hold; not open if there is
  /// neither group nor bound.
  [[nodiscard]] core::Result<sys::Cgroup> group_for(Place place,
                                                    core::JobId jid,
                                                    bool is_bound);
  [[nodiscard]] core::Result<void> move_all(Place place,
                                            const sys::Cgroup& group,
                                            core::JobId jid,
                                            const Members& members) const;
  /// Who was moved, by pid and start: one whose first thread has ended, or who
  /// is about to end, is not listed in the group that he was moved to.
  using Moved = std::set<std::pair<core::Pid, std::uint64_t>>;
  [[nodiscard]] core::Result<std::size_t> move_in(
      Place place, const sys::Cgroup& group, core::JobId jid,
      const std::vector<core::Pid>& members, Moved& moved_before) const;
  using WriteRate = core::Result<void> (*)(const sys::Cgroup&,
                                           const RateBounds&);
  [[nodiscard]] core::Result<void> hold_rate(Place place, core::JobId jid,
                                             bool is_bound, WriteRate write,
                                             const RateBounds& rates,
                                             const Members& members);
  /// Opens `path` from the job's group, and appends it; none if it has none.
  [[nodiscard]] core::Result<void> add_procs(
      Place place, core::JobId jid, const char* path,
      std::vector<sys::UniqueFd>& files) const;

  sys::GroupPlaces places_;
  ParentOf parent_of_;
  /// Who has one: nobody else makes any, so most jobs cost no look.
  std::map<core::JobId, Groups> jobs_;
};

}  // namespace supervisor
