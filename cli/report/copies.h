// SPDX-License-Identifier: Apache-2.0
// Files that are named for one report and hold the same records: as `corral
// archive` leaves them when it is killed between its two steps, as a copy of
// the file in use does, or one that is named twice. What is in two of them is
// one append and is counted once.
#pragma once

#include <string>
#include <vector>

namespace cli {

/// Takes those out with whose bytes, unpacked, another one begins (of two that
/// are the same the latter). Says of each which one has them. What cannot be
/// compared stays.
[[nodiscard]] std::vector<std::string> pass_over_copies(
    std::vector<std::string>& paths);

}  // namespace cli
