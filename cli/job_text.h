// SPDX-License-Identifier: Apache-2.0
// Facts of a job as words for people. What was not collected is the empty
// text.
#pragma once

#include <optional>
#include <string>

#include "core/job_control.h"
#include "core/job_report.h"
#include "core/limit_terms.h"

namespace cli {

/// "web", a number where the user has no name.
[[nodiscard]] std::string user_name(core::Uid uid);
/// Null if the user has no name.
[[nodiscard]] std::optional<std::string> known_user_name(core::Uid uid);

/// The arguments with spaces between.
[[nodiscard]] std::string command_line(const core::JobView& job);
/// The program's file name; empty if the arguments may not be seen.
[[nodiscard]] std::string program_name(const core::JobView& job);

/// Time since the start, or that it ran; absent before it started.
[[nodiscard]] std::optional<core::Microseconds> age_of(const core::JobView& job,
                                                       core::BootTime now);
/// User and system time of the whole job, if both are known.
[[nodiscard]] std::optional<core::Microseconds> cpu_time_of(
    const core::JobView& job);

/// "0.4ms", "69ms", "1.37s", "42s", "3m07s", "5h12m", "3d04h".
[[nodiscard]] std::string short_time(core::Microseconds time);
/// "17B", "3.1K", "1.5G".
[[nodiscard]] std::string short_size(core::Bytes size);
/// "2026-11-22 01:24:31", local time; empty for the epoch.
[[nodiscard]] std::string date_of(core::RealTime time);

/// "running", "frozen": its state, or that it stands still.
[[nodiscard]] std::string_view state_word(const core::JobView& job);
/// Is it over, so that its result is known?
[[nodiscard]] bool has_ended(const core::JobView& job);

/// What is done about a limit, where it is not the usual: "soft SIGUSR1, hard
/// SIGINT, grace 5s".
[[nodiscard]] std::string manner_text(const core::LimitTerms& terms);

/// The end-of-job report of a job that has ended.
[[nodiscard]] core::JobReport report_of(const core::JobView& job);

}  // namespace cli
