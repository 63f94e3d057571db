// SPDX-License-Identifier: Apache-2.0
// csachargefee and csagetconfig.
#pragma once

#include "accounting/text/command_line.h"
#include "accounting/text/console.h"

namespace accounting {

/// Appends a fee to the fee file, as a consolidated record of a user.
[[nodiscard]] int csachargefee_command(const CommandLine& line,
                                       Console& console);

/// Prints the value of a label of csa.conf, without a line feed; 1: none.
[[nodiscard]] int csagetconfig_command(const CommandLine& line,
                                       Console& console);

}  // namespace accounting
