// SPDX-License-Identifier: Apache-2.0
// ja: reports over a job accounting file: what a user's own commands used.
#pragma once

#include "accounting/text/command_line.h"
#include "accounting/text/console.h"

namespace accounting {

[[nodiscard]] int ja_command(const CommandLine& line, Console& console);

}  // namespace accounting
