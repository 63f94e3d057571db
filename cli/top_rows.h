// SPDX-License-Identifier: Apache-2.0
// What `corral top` shows of jobs, made from two samples of each: pure.
//
// Invariant: a number that nobody collected is absent, down to the screen. One
// that was added up from the processes, for the lack of a counter of the whole
// job, is marked.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/job_control.h"

namespace cli {

/// A job as it was seen at one time.
struct TopSample {
  core::JobView job;
  core::UsageView usage;
  /// Memory and processor time are the sum of the living processes'.
  bool is_sum = false;
};

/// A limit, and how much of it is used.
struct LimitUse {
  core::LimitKind kind = core::LimitKind::kNone;
  std::uint64_t bound = 0;
  std::optional<std::uint64_t> used;
};

struct TopRow {
  core::JobView job;
  std::optional<std::uint64_t> cpu_permille;  ///< of one processor
  std::optional<core::Microseconds> cpu_time;
  std::optional<core::Bytes> memory;
  std::optional<std::uint64_t> io_rate;  ///< bytes of storage a second
  std::optional<std::uint64_t> processes;
  bool is_sum = false;
  std::vector<LimitUse> limits;
};

enum class TopOrder : std::uint8_t {
  kCpu,
  kMemory,
  kIo,
  kProcesses,
  kTime,
  kAge,
  kName,
  kLast = kName,
};

using TopSamples = std::map<core::JobId, TopSample>;

/// Rates are those since `before`; of a job that is not in there, since it
/// started.
[[nodiscard]] std::vector<TopRow> top_rows(const TopSamples& before,
                                           const TopSamples& now);

/// Largest first, names from a to z; `is_reversed` the other way round. What is
/// absent stands last.
void sort_rows(std::vector<TopRow>& rows, TopOrder order, bool is_reversed);

/// The limit that is used most, if any is.
[[nodiscard]] const LimitUse* tightest(const TopRow& row);
/// In percent, at most 100; absent: not known.
[[nodiscard]] std::optional<unsigned> percent_of(const LimitUse& limit);

/// One object on one line.
[[nodiscard]] std::string rows_json(const std::vector<TopRow>& rows,
                                    core::RealTime time);

}  // namespace cli
