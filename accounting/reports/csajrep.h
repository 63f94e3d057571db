// SPDX-License-Identifier: Apache-2.0
// csajrep: the jobs of a sorted file, each with its requests and processes.
#pragma once

#include "accounting/text/command_line.h"
#include "accounting/text/console.h"

namespace accounting {

[[nodiscard]] int csajrep_command(const CommandLine& line, Console& console);

}  // namespace accounting
