// SPDX-License-Identifier: Apache-2.0
// csarecy: takes jobs that have not ended out of a sorted file and puts their
// records into PACCT0, which the next csabuild reads first.
#pragma once

#include "accounting/text/command_line.h"
#include "accounting/text/console.h"

namespace accounting {

[[nodiscard]] int csarecy_command(const CommandLine& line, Console& console);

}  // namespace accounting
