// SPDX-License-Identifier: Apache-2.0
// csabuild: pacct files PACCT0, PACCT1, ... to one sorted file, by boot and
// job. The files are read twice: to learn which record belongs where, and to
// put it there. What is kept in memory grows with jobs, not with processes.
#pragma once

#include "accounting/text/command_line.h"
#include "accounting/text/console.h"

namespace accounting {

[[nodiscard]] int csabuild_command(const CommandLine& line, Console& console);

}  // namespace accounting
