// SPDX-License-Identifier: Apache-2.0
// csadrep: how jobs of a sorted file were interactive or batch, what CPU time
// they used, and the use of batch queues.
#pragma once

#include "accounting/text/command_line.h"
#include "accounting/text/console.h"

namespace accounting {

[[nodiscard]] int csadrep_command(const CommandLine& line, Console& console);

}  // namespace accounting
