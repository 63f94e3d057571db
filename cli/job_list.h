// SPDX-License-Identifier: Apache-2.0
// Several jobs: all of a filter, or those that were named.
#pragma once

#include <string>
#include <vector>

#include "bus/client.h"

namespace cli {

/// All pages of a list, by ascending jid.
[[nodiscard]] core::Answer<std::vector<core::JobView>> all_jobs(
    bus::Client& client, const core::JobFilter& filter);

/// The jobs that these words mean, in their order (cli/job_selection.h).
[[nodiscard]] core::Answer<std::vector<core::JobView>> named_jobs(
    bus::Client& client, const std::vector<std::string>& words);

}  // namespace cli
