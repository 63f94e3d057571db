// SPDX-License-Identifier: Apache-2.0
// csacon: a sorted file to one record for each user and project (or other
// keys), on standard output.
#pragma once

#include "accounting/text/command_line.h"
#include "accounting/text/console.h"

namespace accounting {

[[nodiscard]] int csacon_command(const CommandLine& line, Console& console);

}  // namespace accounting
