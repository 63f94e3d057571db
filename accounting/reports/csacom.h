// SPDX-License-Identifier: Apache-2.0
// csacom: the processes (or jobs, or configuration changes) of accounting
// files, a line each. Damage is passed over, said, and makes the exit code 1.
#pragma once

#include "accounting/text/command_line.h"
#include "accounting/text/console.h"

namespace accounting {

[[nodiscard]] int csacom_command(const CommandLine& line, Console& console);

}  // namespace accounting
