// SPDX-License-Identifier: Apache-2.0
// Switched accounting files that nobody writes any more: packed, and removed
// when the site says so.
//
// PATHn becomes PATHn.zst: the packed file takes its place as a whole and on
// the disk, is read again and compared, and only then PATHn goes. Killed at any
// instant there is PATHn, or both, or PATHn.zst; who reads takes one of them,
// and the next run goes on. A number whose PATHn.zst is there is not given
// again (accounting/next_file.h), so that both are always the same records.
//
// Of two runs at once one does it, and tells of it; the other goes on.
//
// The youngest switched file stays as it is: an instance that starts after a
// crash looks into it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/quantity.h"

namespace accounting {

struct ArchiveRules {
  /// Since its last record; absent: for ever.
  std::optional<core::Microseconds> keep_for;
  /// Bytes of all switched files together, the oldest go first; absent: any.
  std::optional<std::uint64_t> keep_size;
  bool is_trial = false;  ///< nothing is done, only told
};

struct ArchiveStep {
  enum class What : std::uint8_t { kPacked, kRemoved, kKept, kFailed };
  std::string path;  ///< of the file as it was
  What what = What::kKept;
  std::uint64_t size = 0;    ///< bytes before
  std::uint64_t packed = 0;  ///< bytes after; of a trial 0
  std::string why;           ///< of what was removed, kept or failed
};

/// Archives PATH1, PATH2, ... of the accounting file `path`, oldest first.
[[nodiscard]] std::vector<ArchiveStep> archive(const std::string& path,
                                               const ArchiveRules& rules);

}  // namespace accounting
