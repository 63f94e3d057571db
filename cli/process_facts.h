// SPDX-License-Identifier: Apache-2.0
// One process as a member of its job: `corral show --pid`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bus/client.h"
#include "core/gpid.h"

namespace cli {

struct ProcessFacts {
  core::Pid pid;
  core::GlobalPid gpid;
  std::optional<std::string> command;  ///< absent: it has just ended
  std::optional<core::Uid> user;       ///< its real one
  bool is_main = false;                ///< the job's prime process
  /// contained (by the kernel), followed (where it is) or descends (from the
  /// job's first process).
  std::string_view membership;
  std::vector<core::JobId> path;  ///< from the outermost job to its own
};

/// Of a process that is in `job`.
[[nodiscard]] core::Answer<ProcessFacts> process_facts(
    bus::Client& client, core::Pid pid, const core::JobView& job);

}  // namespace cli
