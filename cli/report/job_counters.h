// SPDX-License-Identifier: Apache-2.0
// What was counted of one job beside its times and memory, as words for people
// and as JSON.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "accounting/job_facts.h"
#include "cli/json_text.h"

namespace cli {

struct CounterRow {
  std::string_view title;
  std::string text;  ///< empty: it was not collected
};

/// Sums of a part of the processes have a '+' behind them.
[[nodiscard]] std::vector<CounterRow> counter_rows(
    const accounting::JobFacts& job);

/// "1.37s+": a sum of times.
[[nodiscard]] std::string time_text(const accounting::UseSum& sum);
/// "1.3M+": of bytes.
[[nodiscard]] std::string size_text(const accounting::UseSum& sum);

/// The key, and behind it, with `_unknown`, of how many processes the sum lacks
/// a part, if it does.
void put_sum(Json& object, std::string_view key, const accounting::UseSum& sum);
/// All that counter_rows() tells.
void put_counters(Json& object, const accounting::JobFacts& job);
void put_counters(Json& object, const accounting::JobProcess& process);

}  // namespace cli
