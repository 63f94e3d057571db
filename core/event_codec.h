// SPDX-License-Identifier: Apache-2.0
// What the journal holds, to bytes and back. An item is one event, or, after a
// compaction, a whole job or the instance's counters.
//
//   u8 version | u8 kind of item | fields, each in the machine's own order
//
// Invariants, held by tests/unit/core/event_codec_test.cc and a fuzzer:
// decode(encode(x)) is x; decode() is total: any bytes give an item or an
// error, never a read out of bounds and never more memory than the bytes could
// need; bytes of this version that decode encode to the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "core/error.h"
#include "core/job_event.h"
#include "core/job_machine.h"

namespace core {

inline constexpr std::uint8_t kEventCodecVersion = 11;
/// Journals of these are read too; what they lack has its default.
inline constexpr std::uint8_t kOldestEventCodec = 2;

/// A job as it stood when the journal was compacted.
struct JobSnapshot {
  Job job;
  /// The number of the journal entry that brought it into its state: the key
  /// of the record that this state waits for (see docs/DESIGN.md, "exactly
  /// once").
  std::uint64_t state_entry = 0;
};

/// The counters of an instance that no live job remembers.
struct InstanceCounters {
  std::uint32_t hid = 0;            ///< of the jids made here
  std::uint32_t last_sequence = 0;  ///< of the jids made here
  std::uint64_t last_order = 0;     ///< for supervisors of before: the same
  std::uint64_t last_exit = 0;      ///< sequence of the reaper's records, taken
};

using JournalItem = std::variant<JobEvent, JobSnapshot, InstanceCounters>;

/// Appends the bytes of one item to `bytes`.
void encode(const JobEvent& event, std::vector<std::byte>& bytes);
void encode(const JobSnapshot& snapshot, std::vector<std::byte>& bytes);
void encode(const InstanceCounters& counters, std::vector<std::byte>& bytes);

/// The item in `bytes`, all of them. Errors: EPROTONOSUPPORT for a version that
/// this program does not know, EBADMSG for anything else that is no item.
[[nodiscard]] Result<JournalItem> decode(std::span<const std::byte> bytes);

}  // namespace core
