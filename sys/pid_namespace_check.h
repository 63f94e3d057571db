// SPDX-License-Identifier: Apache-2.0
// Whether a pid namespace can be made here, by making one.
#pragma once

#include <string>

namespace sys {

/// Why this process cannot have a job in a pid namespace of its own; empty: it
/// can. A child tries it, for which the caller waits: about a millisecond.
[[nodiscard]] std::string obstacle_to_pid_namespaces();

}  // namespace sys
