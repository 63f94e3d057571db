// SPDX-License-Identifier: Apache-2.0
// csaswitch, csackpacct, and csarun's switch: what is asked of whoever writes
// the accounting file.
#pragma once

#include "accounting/text/command_line.h"
#include "accounting/text/console.h"

namespace cli {

[[nodiscard]] int csaswitch_command(const accounting::CommandLine& line,
                                    accounting::Console& console);
[[nodiscard]] int csackpacct_command(const accounting::CommandLine& line,
                                     accounting::Console& console);
/// accounting::ja_command(), which asks the instance that has the job.
[[nodiscard]] int ja_command(const accounting::CommandLine& line,
                             accounting::Console& console);
/// accounting::csarun(), which asks the instance to switch its file.
[[nodiscard]] int csarun_command(const accounting::CommandLine& line,
                                 accounting::Console& console);

}  // namespace cli
