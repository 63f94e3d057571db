// SPDX-License-Identifier: Apache-2.0
// Cgroups of version 1 that hold limits of jobs: on a hybrid machine version 2
// says who belongs to a job and has no controllers. A job has a directory in
// the memory and in the pids hierarchy only while a limit asks for it; its
// first process joins them before it becomes anybody (reaper/launch_block.h,
// kJoin), who runs already is moved to where processes are counted. The
// directories above are ours and go with the last job in them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/ids.h"
#include "core/job_totals.h"
#include "sys/cgroup.h"
#include "sys/limit_facts.h"
#include "sys/unique_fd.h"

namespace supervisor {

class Cgroup1Limits {
 public:
  explicit Cgroup1Limits(sys::GroupPlaces places);

  /// Holds the job to `bound` bytes, or to nothing any more. Nobody is moved:
  /// memory stays charged to the cgroup in which it was taken. Errors: EBUSY:
  /// more than that is used and cannot be given back.
  [[nodiscard]] core::Result<void> hold_memory(
      core::JobId jid, std::optional<std::uint64_t> bound);
  /// Holds it to `bound` processes and threads, or to nothing any more. Who of
  /// `members` runs outside already is moved in, until a reading finds nobody.
  /// Error: EAGAIN: still somebody after many readings.
  [[nodiscard]] core::Result<void> hold_processes(
      core::JobId jid, std::optional<std::uint64_t> bound,
      const std::function<std::vector<core::Pid>()>& members);

  /// cgroup.procs of each that the job has, for its first process to join.
  [[nodiscard]] core::Result<std::vector<sys::UniqueFd>> joins(
      core::JobId jid) const;
  /// cgroup.procs of the cgroups around them, for who leaves the job.
  [[nodiscard]] core::Result<std::vector<sys::UniqueFd>> leaves(
      core::JobId jid) const;
  /// Becomes readable when the job met its limit of memory and could not do
  /// without, and when its group goes (eventfd(2)); not open without a group.
  [[nodiscard]] core::Result<sys::UniqueFd> memory_events(
      core::JobId jid) const;
  /// What the job used of memory, where it has a group that knows.
  void add_totals(core::JobId jid, core::JobTotals& totals) const;
  [[nodiscard]] core::Maybe<core::Bytes> memory_now(core::JobId jid) const;
  /// Errors: EBUSY while a process lives in one.
  [[nodiscard]] core::Result<void> remove(core::JobId jid);
  /// The jobs that have one.
  [[nodiscard]] const std::set<core::JobId>& all() const { return jobs_; }

 private:
  /// The job's group, made if there is a bound to hold; not open if there is
  /// neither group nor bound.
  [[nodiscard]] core::Result<sys::Cgroup> group_for(const std::string& place,
                                                    core::JobId jid,
                                                    bool is_bound);
  [[nodiscard]] core::Result<std::vector<sys::UniqueFd>> procs_of(
      core::JobId jid, const char* path) const;

  sys::GroupPlaces places_;
  /// Who has one: nobody else makes any, so most jobs cost no look.
  std::set<core::JobId> jobs_;
};

}  // namespace supervisor
