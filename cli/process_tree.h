// SPDX-License-Identifier: Apache-2.0
// Processes as a tree for people, by their parents. A process whose parent is
// not in the job is a root.
#pragma once

#include <string>
#include <vector>

#include "cli/terminal_text.h"
#include "core/job_control.h"

namespace cli {

/// One line a process: branches, pid, command, state, CPU time. `indent` stands
/// before each.
[[nodiscard]] std::string process_tree(
    const std::vector<core::ProcessView>& processes, const Screen& screen,
    const std::string& indent = "  ");

}  // namespace cli
