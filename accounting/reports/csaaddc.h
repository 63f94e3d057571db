// SPDX-License-Identifier: Apache-2.0
// csaaddc: consolidated files into one.
#pragma once

#include "accounting/text/command_line.h"
#include "accounting/text/console.h"

namespace accounting {

[[nodiscard]] int csaaddc_command(const CommandLine& line, Console& console);

}  // namespace accounting
