// SPDX-License-Identifier: Apache-2.0
// Lines of events (core/job_news.h) as the command reads them: which job each
// is of, and how it looks to people.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/job_control.h"

namespace cli {

/// An event as far as it is looked at.
struct EventFacts {
  std::string event;               ///< "new", "ended", ...
  std::optional<core::JobId> jid;  ///< absent: it is of no job
  std::string text;                ///< for people, without a newline
};

/// Nothing: it is no line of ours.
[[nodiscard]] std::optional<EventFacts> read_event(std::string_view line);

/// The line of a job whose end was not told while nobody listened.
[[nodiscard]] std::string ended_line(const core::JobView& job);

}  // namespace cli
