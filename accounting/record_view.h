// SPDX-License-Identifier: Apache-2.0
// One group of an accounting file as people and programs are shown it: the CSA
// records and Corral's site record put together, in one unit a quantity. What
// was not collected is absent here too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accounting/csa_group.h"
#include "core/job_result.h"
#include "core/limits.h"
#include "core/record_switches.h"

namespace accounting {

struct RecordView {
  using Count = std::optional<std::uint64_t>;

  std::string_view kind;  ///< "start", "restart", "process", "end", ...
  std::uint64_t offset = 0;
  Count instance;  ///< Corral's own records have both
  Count key;

  Count jid;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  Count pid;
  Count ppid;
  std::string name;     ///< command of a process, name of a job, event
  std::string project;  ///< of a start of Corral's: that it is charged to
  std::string account;  ///< likewise
  Count project_id;     ///< ac_prid of a process or an end, unless it is 0
  /// Hard bounds that a job began with, or has from now on, by their kinds.
  std::vector<std::pair<core::LimitKind, std::uint64_t>> asked;

  Count started_us;  ///< since 1970; to the second where CSA alone tells
  Count ended_us;    ///< since 1970
  Count began_us;    ///< of a restart: when the job began that goes on
  Count booted_us;   ///< of a configuration, likewise
  /// Of a boot: what those before it left in the file last, and how many bytes
  /// of an append that was torn.
  Count before_instance;
  Count before_key;
  Count torn_bytes;
  Count wall_us;
  Count user_us;
  Count system_us;
  Count memory_bytes;  ///< largest process, or whole job at its end
  Count minor_faults;
  Count major_faults;
  Count read_bytes;  ///< by read(2) and its like
  Count written_bytes;
  Count read_calls;
  Count write_calls;
  Count storage_read_bytes;
  Count storage_written_bytes;
  Count gpid;  ///< of a process: its number in the cluster
  /// Of an end: times in which processes were stalled (core/job_peaks.h).
  Count cpu_some_us, cpu_full_us;
  Count memory_some_us, memory_full_us;
  Count io_some_us, io_full_us;
  Count processes_peak;
  Count swap_peak_bytes;
  std::string_view totals_from;  ///< of an end: what its totals are read from
  Count voluntary_switches;
  Count involuntary_switches;
  Count virtual_bytes;       ///< the most address space
  Count resident_integral;   ///< MB * usec of processor time
  Count virtual_integral;    ///< likewise
  Count processor_waits;     ///< times that it was ready to run and did not
  Count processor_delay_us;  ///< together
  Count block_waits;         ///< for a block device
  Count block_delay_us;
  Count swap_waits;  ///< for its memory to be swapped in
  Count swap_delay_us;
  std::string_view collector;  ///< of a process or a job: who counted

  std::optional<std::int32_t> wait_status;
  std::optional<int> exit_code;  ///< also where CSA alone tells
  bool was_signalled = false;
  bool dumped_core = false;
  /// Its counters include waited-for children; absent: nobody says.
  std::optional<bool> is_inclusive;
  std::optional<bool> is_superuser;
  std::optional<bool> is_fork_only;

  std::optional<core::JobResult> result;  ///< of an end of Corral's
  std::string engine;
  Count oom_kills;
  Count processes_seen;
  Count processes_not_seen;
  Count stragglers;

  /// Kinds of accounting that are on from now on, of a configuration of
  /// Corral's.
  std::optional<core::RecordSwitches> switches;

  std::string_view daemon;  ///< what a daemon told: its kind
  std::string payload;      ///< its bytes, where CSA has no record for them

  Count lost;  ///< appends
  Count first_lost_key;
  std::optional<std::int32_t> code;  ///< errno
};

/// The project of a process. Corral's own records have one where the site
/// numbers it, and never 0.
std::optional<std::uint64_t> project_of(const Group& group);

/// What `group` says.
RecordView view_of(const Group& group);

}  // namespace accounting
