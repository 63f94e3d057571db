// SPDX-License-Identifier: Apache-2.0
// A report as one page of HTML that needs nothing else: no network, no script,
// light and dark, tables below every picture. Every text that comes from a
// record is escaped, and a policy in the page forbids scripts besides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/job_facts.h"
#include "accounting/use_fold.h"

namespace cli {

/// Processor time by user, over time.
struct UseOverTime {
  std::string_view unit;           ///< "day" or "hour"
  std::vector<std::string> times;  ///< without gaps in which nothing ended
  struct Series {
    std::string name;
    std::vector<std::uint64_t> cpu_us;  ///< one a time
  };
  std::vector<Series> series;
};

struct Page {
  std::string title;
  std::string subtitle;
  accounting::UseRows users;     ///< the most first
  accounting::UseRows commands;  ///< likewise
  accounting::UseRows jobs;      ///< likewise
  UseOverTime over_time;
  std::optional<accounting::JobFacts> job;  ///< with its processes
  bool is_job_chosen = false;               ///< by us: the one that used most
  bool is_complete = true;
};

[[nodiscard]] std::string html_page(const Page& page);

/// For an element or an attribute in quotes.
[[nodiscard]] std::string html_text(std::string_view text);

namespace page {

// The parts; each is "" where there is nothing to show.
[[nodiscard]] std::string over_time(const UseOverTime& use);
[[nodiscard]] std::string top_users(const accounting::UseRows& rows);
[[nodiscard]] std::string top_commands(const accounting::UseRows& rows);
[[nodiscard]] std::string efficiency(const accounting::UseRows& jobs);
[[nodiscard]] std::string job(const accounting::JobFacts& job, bool is_chosen);

/// A bar within its cell, of a share from 0 to 1.
[[nodiscard]] std::string bar(double share, std::string_view kind = "");
/// "12.3" percent of a whole, for a style.
[[nodiscard]] std::string percent(double share);

}  // namespace page

}  // namespace cli
