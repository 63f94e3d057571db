// SPDX-License-Identifier: Apache-2.0
// The lines of ja's command reports (-c and -o).
#pragma once

#include "accounting/records/entry.h"
#include "accounting/reports/ja_options.h"
#include "accounting/text/local_clock.h"
#include "accounting/text/report_text.h"

namespace accounting::ja {

/// One command in the units of the reports.
struct Use {
  double elapsed = 0;      ///< seconds
  double user = 0;         ///< seconds
  double system = 0;       ///< seconds
  double core = 0;         ///< MB * seconds
  double virt = 0;         ///< MB * seconds
  double cpu_delay = 0;    ///< seconds
  double block_delay = 0;  ///< seconds
  double swap_delay = 0;   ///< seconds
  double real_run = 0;     ///< seconds
  double virt_run = 0;     ///< seconds
  double units = 0;        ///< SBU
  csa::Mem memory = {};    ///< zeroes where there was none
  csa::Io io = {};
  csa::Delay delay = {};
};

Use use_of(const Entry& entry, int memory_integral);

void write_command_headings(ReportText& text, const Options& options);
void write_other_headings(ReportText& text);
void write_command(ReportText& text, const csa::Csa& process, const Use& use,
                   const Options& options, LocalClock& clock);
void write_other(ReportText& text, const csa::Csa& process, const Use& use,
                 LocalClock& clock);
/// The line of a configuration change.
void write_configuration(ReportText& text,
                         const csa::Configuration& configuration);
/// The line of a job's start, restart or end.
void write_job(ReportText& text, std::uint64_t jid, std::int64_t time,
               std::string_view what);

}  // namespace accounting::ja
