// SPDX-License-Identifier: Apache-2.0
// All that accounting files say of one job: its start and end, what it asked
// for, and its processes as a tree.
//
// Memory is proportional to the job's processes, and to nothing else. A jid is
// given once by Corral; the published daemon gives it again after a boot: then
// each job of that jid stands by itself.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "accounting/csa_group.h"
#include "accounting/job_counters.h"
#include "accounting/record_view.h"
#include "accounting/use_billing.h"
#include "accounting/use_part.h"
#include "core/limits.h"

namespace accounting {

struct JobProcess {
  using Count = RecordView::Count;

  std::string name;
  Count pid;
  Count ppid;        ///< when it ended: 1 or a subreaper if its parent was gone
  Count started_us;  ///< since 1970; to the second where CSA alone tells
  Count ended_us;    ///< likewise
  Count wall_us;
  Count user_us;
  Count system_us;
  Count memory_bytes;  ///< its peak
  Count storage_read_bytes;
  Count storage_written_bytes;
  std::array<Count, kJobCounters.size()> counters;
  Count gpid;                   ///< its number in the cluster
  std::string_view collector;   ///< who counted; empty: it is not said
  std::optional<double> units;  ///< where they are asked for
  std::optional<int> exit_code;
  std::optional<int> signal;  ///< that ended it; 0: it is not known which
  bool dumped_core = false;
  bool is_inclusive = false;  ///< its times are with children it waited for

  std::size_t depth = 0;  ///< in the tree; 0: its parent is not of the job
};

/// What a job was given, or asked for, of one kind.
struct AskedLimit {
  core::LimitKind kind = core::LimitKind::kNone;
  std::uint64_t bound = 0;
  bool is_of_request = false;  ///< of a batch request: no bound that is held
};

/// Other limits, while the job lived.
struct LimitsChange {
  RecordView::Count when_us;
  std::optional<std::uint32_t> by;
  std::vector<AskedLimit> bounds;  ///< all that hold from then on
};

struct JobFacts {
  using Count = RecordView::Count;

  std::uint64_t jid = 0;
  std::string name;
  std::string node;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  Count project;             ///< its number, if the site gives it one
  std::string project_name;  ///< that it is charged to; empty: to none
  std::string account;       ///< likewise
  Count started_us;
  Count ended_us;
  std::optional<RecordView> end;  ///< absent: the files have none
  Count wall_us;
  /// Of its end record, else of its processes, as all sums: where these are
  /// counted with the children that they waited for, at least so much.
  UseSum user_us;
  UseSum system_us;
  UseSum storage_read_bytes;
  UseSum storage_written_bytes;
  bool is_storage_of_processes = false;  ///< not its cgroup's
  Count memory_bytes;  ///< of the whole job, else of its largest process
  bool is_memory_of_process = false;
  std::vector<AskedLimit> asked;  ///< at last
  std::vector<LimitsChange> changes;
  std::vector<JobProcess> processes;  ///< a parent before its children
  std::array<UseSum, kJobCounters.size()> counters;  ///< of its processes
  std::vector<std::string_view> collectors;          ///< who counted
  /// Records, of any job, that were lost between two of its own in one file.
  /// Absent: nobody would have said so.
  Count lost;
  bool is_billed = false;  ///< units were asked for
  /// Absent also where not all its processes are known, each for itself.
  std::optional<double> units;
};

/// Which job is looked for.
struct JobWanted {
  std::optional<std::uint64_t> jid;
  std::string name;  ///< without a jid: the last job of that name
};

class JobFinder {
  using Count = RecordView::Count;

 public:
  explicit JobFinder(JobWanted wanted) : wanted_(std::move(wanted)) {}

  /// Before anything is added.
  void bill_by(UseBilling billing) { billing_ = std::move(billing); }
  [[nodiscard]] bool is_billed() const { return billing_.has_value(); }

  /// Groups of another file follow.
  void begin_file() {
    node_.clear();
    lost_ = 0;
    lost_before_.reset();
  }
  /// Groups from the midst of a file follow, which that machine writes, and
  /// before which it says that so many records are lost.
  void go_on(std::string node, std::uint64_t lost) {
    node_ = std::move(node);
    lost_ = lost;
  }
  void add(const Group& group);

  [[nodiscard]] const JobWanted& wanted() const { return wanted_; }
  [[nodiscard]] bool has_found() const { return !jobs_.empty(); }

  /// The name of a member that an array of the wanted name or jid has; empty:
  /// none was seen.
  [[nodiscard]] const std::string& member() const { return member_; }

  /// In the order of their starts; of a name the last one alone.
  [[nodiscard]] std::vector<JobFacts> finish() &&;

 private:
  JobFacts& add_job(std::uint64_t jid);
  /// That has not ended.
  JobFacts& open_job(std::uint64_t jid);
  /// Also one that has: a process may be recorded behind its job's end.
  JobFacts& last_job(std::uint64_t jid);
  void add_start(const RecordView& view);
  void add_process(const RecordView& view, const Group& group);
  void add_request(const Group& group);
  void add_limits(const RecordView& view);
  void add_end(const RecordView& view);
  /// A record of the job was added.
  void count_lost(const RecordView& view);
  void bill(JobFacts& job) const;

  JobWanted wanted_;
  std::optional<UseBilling> billing_;
  JobWeights weights_;
  std::string node_;
  std::uint64_t lost_ = 0;  ///< records of this file
  Count lost_before_;       ///< likewise when the job's last record came
  std::string member_;
  std::vector<JobFacts> jobs_;
};

/// Puts each process behind its parent and says how deep it stands. Its parent
/// is the process of its parent's pid that lived when it began; of hostile
/// files nothing is a child of its own child.
[[nodiscard]] std::vector<JobProcess> in_tree_order(
    std::vector<JobProcess> processes);

}  // namespace accounting
