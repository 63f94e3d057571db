// SPDX-License-Identifier: Apache-2.0
// What the supervisor keeps in the journal beside the core's items
// (core/event_codec.h): records that the scribe has not written yet, carried
// over a compaction, which reaper it was that reported so far, and that the
// instance is to end, which jids are reserved, and that the jobs which a crash
// left open were searched for. Their first byte is a kind that is no codec
// version.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "core/ids.h"
#include "core/quantity.h"
#include "core/text.h"
#include "supervisor/free_jids.h"
#include "supervisor/jid_blocks.h"

namespace supervisor {

/// What waits for a record: nothing for kTold. kLoss stands for those that were
/// dropped.
enum class RecordKind : std::uint8_t {
  kStart = 0,
  kProcess = 1,
  kEnd = 2,
  kLoss = 3,
  kTold = 4,  ///< limits that changed, what a daemon told
  kLast = kTold,
};

/// One append to the accounting file. `key` is the number of the journal entry
/// that caused it: it is written exactly once under that number.
struct PendingRecord {
  std::uint64_t key = 0;
  core::JobId jid;
  RecordKind kind = RecordKind::kProcess;
  std::vector<std::byte> bytes;
};

/// Which process the reaper is: another one knows nothing of our jobs.
struct ReaperIdentity {
  std::int32_t pid = 0;
  std::uint64_t start_ticks = 0;  ///< field 22 of proc_pid_stat(5)
  friend bool operator==(const ReaperIdentity&,
                         const ReaperIdentity&) = default;
};

/// The instance is to end. The last one in the journal holds.
struct StopOrder {
  core::Text<40> who;       ///< for the jobs' records: "shutdown"
  core::BootTime deadline;  ///< of the budget; zero: there is none
  bool was_hard = false;    ///< the budget is over, and jobs were killed
};

/// What a crash left open was searched for, and its ends are in the journal.
struct CrashSearched {};

using ServiceItem = std::variant<PendingRecord, ReaperIdentity, StopOrder,
                                 JidBlock, CrashSearched, FreeJids>;

[[nodiscard]] std::vector<std::byte> encode_item(const ServiceItem& item);
/// Nothing if the bytes are none of these.
[[nodiscard]] std::optional<ServiceItem> decode_item(
    std::span<const std::byte> bytes);

}  // namespace supervisor
