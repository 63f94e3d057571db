// SPDX-License-Identifier: Apache-2.0
// What a job asked for against what it used, and what it could do better.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "accounting/job_facts.h"

namespace cli {

struct AskedUse {
  accounting::AskedLimit asked;
  /// In the limit's unit; of processors hundredths, on average. Absent: it was
  /// not collected, or nobody counts it.
  std::optional<std::uint64_t> used;
  std::optional<double> share;  ///< used of asked
};

[[nodiscard]] std::vector<AskedUse> asked_uses(const accounting::JobFacts& job);

/// "16.0G", "2h00m", "1.5 processors".
[[nodiscard]] std::string asked_text(const AskedUse& use);
/// Likewise; empty if it is not known.
[[nodiscard]] std::string used_text(const AskedUse& use);
/// "8 %"; empty if it is not known.
[[nodiscard]] std::string share_text(const AskedUse& use);

/// A sentence each, without a period: where much less was used than asked, or
/// nearly all.
[[nodiscard]] std::vector<std::string> hints_of(
    const accounting::JobFacts& job);

}  // namespace cli
