// SPDX-License-Identifier: Apache-2.0
// One look at all jobs that live, for `corral top`.
#pragma once

#include "bus/client.h"
#include "cli/top_rows.h"

namespace cli {

/// What the instance does not count of a whole job (the engine subreaper, a
/// host without controllers) is added up from the processes here, as far as
/// this user may look at them.
[[nodiscard]] core::Answer<TopSamples> sample_jobs(bus::Client& client);

}  // namespace cli
