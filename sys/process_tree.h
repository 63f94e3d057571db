// SPDX-License-Identifier: Apache-2.0
// The descendants of a process, by one reading of /proc: what `ps --forest`
// sees. A process may come or go meanwhile; good for showing, not for killing.
#pragma once

#include <vector>

#include "core/ids.h"
#include "core/quantity.h"

namespace sys {

/// The living descendants of `root`, not itself, in no order.
[[nodiscard]] std::vector<core::Pid> descendants_of(core::Pid root);

/// The processor time of those of them who live, and of the children that they
/// waited for; in the grain of /proc, a hundredth of a second.
[[nodiscard]] core::Microseconds cpu_time_of(
    const std::vector<core::Pid>& processes);

}  // namespace sys
