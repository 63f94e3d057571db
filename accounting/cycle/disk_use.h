// SPDX-License-Identifier: Apache-2.0
// Disk accounting: acctdusg (names of files to blocks by user), acctdisk (that
// text to consolidated records), dodisk (whole file systems to both) and
// nulladm (empty files for accounting).
//
// A file with several names is counted once. What must be remembered for that
// are files with more than one link whose other names were not seen yet; each
// is forgotten with its last.
#pragma once

#include "accounting/text/command_line.h"
#include "accounting/text/console.h"

namespace accounting {

[[nodiscard]] int acctdusg_command(const CommandLine& line, Console& console);
[[nodiscard]] int acctdisk_command(const CommandLine& line, Console& console);
[[nodiscard]] int dodisk_command(const CommandLine& line, Console& console);
[[nodiscard]] int nulladm_command(const CommandLine& line, Console& console);

}  // namespace accounting
