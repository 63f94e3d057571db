// SPDX-License-Identifier: Apache-2.0
// What a new supervisor finds: the journal that the store kept, from which the
// jobs are made again; or, when supervisor and store died together, a new
// journal and the containers that still stand.
//
// Invariant: nothing is invented. A job that is known by its container only is
// given what the kernel tells of it; its result comes from the reaper's record
// of its main process, or is unknown.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "core/error.h"
#include "core/event_codec.h"
#include "supervisor/containers.h"
#include "supervisor/job_table.h"
#include "supervisor/journal.h"
#include "supervisor/service_items.h"
#include "supervisor/store_link.h"

namespace supervisor {

/// What the store gave back.
struct Inheritance {
  std::optional<Journal> journal;  ///< absent: there is none that can be read
  std::vector<StoreEntry> others;
};

/// Sorts what the store gave. A journal that cannot be read is reported in the
/// log and left out.
[[nodiscard]] Inheritance sort_inheritance(std::vector<StoreEntry> entries);

/// What a journal tells beside the jobs.
struct History {
  core::InstanceCounters counters;
  std::optional<ReaperIdentity> reaper;
  std::optional<StopOrder> stop;
  std::optional<JidBlock> jids;     ///< of which the last are given
  FreeJids free_jids;               ///< of which nobody has one
  bool has_searched_crash = false;  ///< for the jobs that one left open
  /// The last sequence that each scope reported.
  std::map<core::JobId, std::uint64_t> scope_exits;
};

/// What a journal tells: everything that was believed when it was written.
struct Restored {
  History history;
  JobTable table;
  std::vector<PendingRecord> records;  ///< by ascending key
};

/// Folds the journal. Errors: EBADMSG for an entry that is no item,
/// EPROTONOSUPPORT for one of a later version.
[[nodiscard]] core::Result<Restored> replay(
    const Journal& journal, const Remembering& remembering = {});

/// Writes what replay() needs: the ended jobs in the order of their ends, the
/// live ones, the records that wait, the counters, the reaper.
[[nodiscard]] core::Result<void> write_snapshot(
    Journal& journal, const JobTable& table, const History& history,
    const std::deque<PendingRecord>& pending);

/// A running job of a container whose history is lost. One without processes
/// is a job too: the reaper may still know how its main process ended.
[[nodiscard]] core::Job job_of_container(Containers& containers,
                                         core::JobId jid,
                                         core::Collector collector);

}  // namespace supervisor
