// SPDX-License-Identifier: Apache-2.0
// csaperiod: the days of a period as one. fiscal/pdacct.MMDDhhmm adds up their
// consolidated files, disk use and fees, fiscal/cms.MMDDhhmm their command
// summaries, fiscal/rprt.MMDDhhmm is the report.
//
// Invariant: daily files go (-r) only when all that was made of them is there;
// which go is written down first (nite/pdremove), so that a run which is killed
// then never leaves some of them for the next period.
#pragma once

#include "accounting/text/command_line.h"
#include "accounting/text/console.h"

namespace accounting {

[[nodiscard]] int csaperiod_command(const CommandLine& line, Console& console);

}  // namespace accounting
