// SPDX-License-Identifier: Apache-2.0
// How many blocks each user has, as the file system's quotas count them: all of
// it, in no more time than there are users.
#pragma once

#include <sys/types.h>

#include <set>
#include <string>

#include "accounting/cycle/disk_walk.h"
#include "accounting/cycle/run_state.h"

namespace accounting {

/// Adds what the file system that `folder` is in counts, unless it is in
/// `counted`, which gets it. It stops where no quotas are kept.
[[nodiscard]] Outcome<void> add_quotas(const std::string& folder, DiskUse& use,
                                       std::set<dev_t>& counted);

}  // namespace accounting
