// SPDX-License-Identifier: Apache-2.0
// What the first reading of csabuild has to know of the entries of a block:
// little of each, so that all processors can read while one places. Processes
// of one job that stand side by side are one; what is not as it usually is has
// to be looked at again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "accounting/records/entry.h"

namespace accounting::build {

struct Scanned {
  enum class Kind : std::uint8_t {
    kProcesses,
    kStart,
    kEnd,
    kOther,  ///< only `offset` is told
  };
  Kind kind = Kind::kOther;
  std::uint32_t entries = 0;
  std::uint32_t bytes = 0;  ///< that they have in the sorted file
  std::uint32_t uid = 0;    ///< of the last one, as the next two
  std::uint64_t jid = 0;
  std::int64_t btime = 0;
  std::uint64_t offset = 0;  ///< of the first one
  std::int64_t first = 0;    ///< the earliest btime of processes, above 0
  std::int64_t last = 0;     ///< their latest; rstime, etime of a job
};

/// Bytes of an entry as its own headers have them.
[[nodiscard]] std::uint64_t told_size(const Entry& entry);

/// Handles the entries of a block (accounting/records/entry_blocks.h).
class EntryScan {
 public:
  void begin() { items_.clear(); }
  bool entry(const Entry& entry);
  std::vector<Scanned> finish() { return std::move(items_); }

 private:
  void add_process(const Entry& entry);

  std::vector<Scanned> items_;
};

}  // namespace accounting::build
