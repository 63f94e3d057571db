// SPDX-License-Identifier: Apache-2.0
// csaedit: copies an accounting file without its damage or without some of its
// records, or prints it as text.
#pragma once

#include "accounting/text/command_line.h"
#include "accounting/text/console.h"

namespace accounting {

[[nodiscard]] int csaedit_command(const CommandLine& line, Console& console);

}  // namespace accounting
