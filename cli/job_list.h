// SPDX-License-Identifier: Apache-2.0
// Several jobs: all of a filter, or those that were named.
#pragma once

#include <string>
#include <vector>

#include "bus/client.h"
#include "cli/job_selection.h"

namespace cli {

/// All pages of a list, by ascending jid.
[[nodiscard]] core::Answer<std::vector<core::JobView>> all_jobs(
    bus::Client& client, const core::JobFilter& filter);

/// The jobs that these words mean by `select`, in their order.
[[nodiscard]] core::Answer<std::vector<core::JobView>> named_jobs(
    bus::Client& client, const std::vector<std::string>& words,
    core::Answer<core::JobId> (*select)(bus::Client&,
                                        std::string_view) = select_job);

}  // namespace cli
