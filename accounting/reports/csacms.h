// SPDX-License-Identifier: Apache-2.0
// csacms: what each command name used, as a table or as a file of summaries.
#pragma once

#include "accounting/text/command_line.h"
#include "accounting/text/console.h"

namespace accounting {

[[nodiscard]] int csacms_command(const CommandLine& line, Console& console);

}  // namespace accounting
