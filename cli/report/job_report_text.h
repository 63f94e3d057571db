// SPDX-License-Identifier: Apache-2.0
// What accounting files say of one job, in full: for people and as JSON.
#pragma once

#include <string>

#include "accounting/job_facts.h"
#include "cli/json_text.h"
#include "cli/terminal_text.h"

namespace cli {

[[nodiscard]] std::string job_report_text(const accounting::JobFacts& job,
                                          const Screen& screen);
[[nodiscard]] Json job_report_json(const accounting::JobFacts& job);

/// How a process ended: "exit 1", "SIGKILL"; empty if nobody knows.
[[nodiscard]] std::string outcome_of(const accounting::JobProcess& process);
/// "over-limit: it used ...", or that its end is not in the files.
[[nodiscard]] std::string result_text(const accounting::JobFacts& job);
/// Its name, else the name of its first process; empty if neither is known.
[[nodiscard]] std::string title_of(const accounting::JobFacts& job);

}  // namespace cli
