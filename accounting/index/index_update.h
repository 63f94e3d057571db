// SPDX-License-Identifier: Apache-2.0
// Makes the index beside accounting files, or brings it up to date.
//
// A file is written down in transactions of a few megabytes of records, each
// with how far it reaches: killed at any instant, what is in the index is
// right as far as it says. What it has of a file that has changed otherwise
// than by growing is taken out first; a damaged index is made anew.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/error.h"

namespace accounting::index {

struct IndexStep {
  enum class What : std::uint8_t {
    kIndexed,
    kUpToDate,
    kRemoved,  ///< from the index: the file is not there any more
    kFailed,
  };
  std::string path;
  What what = What::kFailed;
  std::uint64_t size = 0;     ///< bytes of the file
  std::uint64_t covered = 0;  ///< bytes of records that the index has of it
  std::string why = {};       ///< of what failed, or is not covered
};

/// Updates the index of the folder of the first of `paths`, of which all
/// files are. `rebuild`: from nothing. Nobody may read it who may not read all
/// of them.
[[nodiscard]] core::Result<std::vector<IndexStep>> update_index(
    const std::vector<std::string>& paths, bool rebuild);

}  // namespace accounting::index
