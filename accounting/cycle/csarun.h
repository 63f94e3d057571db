// SPDX-License-Identifier: Apache-2.0
// csarun: the accounting of a day, in states of which each can be repeated.
// SETUP VERIFY ARCHIVE1 BUILD ARCHIVE2 CMS REPORT DREP FEF USEREXIT CLEANUP.
//
// Invariants:
//  - nite/statefile names the state that is not done yet. What a state makes
//    takes its place as a whole, so a state that was killed is done again, with
//    the same results.
//  - A run that was refused (another one runs, the last one is not complete,
//    the disk is full, the configuration would bill nothing) changes nothing.
#pragma once

#include "accounting/cycle/gather.h"
#include "accounting/text/command_line.h"
#include "accounting/text/console.h"

namespace accounting {

/// `switch_pacct` asks whoever writes the file.
[[nodiscard]] int csarun(const CommandLine& line, Console& console,
                         const SwitchPacct& switch_pacct);

}  // namespace accounting
