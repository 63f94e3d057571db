// SPDX-License-Identifier: Apache-2.0
// The keys of limits in CreateJob, SetLimits and ShowJob; and SetLimits's
// a{sv}, where 0 takes a limit away.
#pragma once

#include <string>
#include <vector>

#include "bus/value.h"
#include "core/job_control.h"

namespace bus {

/// Empty for a kind that has none of its own: it stands in kLimitsKey.
constexpr const char* key_of(core::LimitKind kind) {
  switch (kind) {
    case core::LimitKind::kWallTime:
      return "WallTimeUSec";
    case core::LimitKind::kCpuTime:
      return "CpuTimeUSec";
    case core::LimitKind::kMemory:
      return "MemoryMax";
    case core::LimitKind::kProcesses:
      return "ProcessesMax";
    case core::LimitKind::kOpenFiles:
      return "OpenFilesMax";
    default:
      return "";
  }
}
inline constexpr const char* kAcceptsLessKey = "AcceptsLess";
/// A list (as) of limits as core/limit_terms_text.h writes them: those of which
/// more is to be said than a hard bound.
inline constexpr const char* kLimitsKey = "Limits";

/// Those of a job that stand in kLimitsKey.
[[nodiscard]] TextList limits_list(const core::JobLimits& limits,
                                   const core::TermsList& terms);
/// False if one is no limit.
[[nodiscard]] bool take_limits_list(core::JobLimits& limits,
                                    core::TermsList& terms,
                                    const TextList& list);

/// Which of them is none, and what is wrong with it.
[[nodiscard]] std::string fault_of_limits(const TextList& list);

struct LimitRequest {
  std::vector<core::LimitChange> changes;
  bool accepts_less = false;
};

/// A refusal names the key, what it is and what was expected.
[[nodiscard]] core::Answer<LimitRequest> limit_request_of(const Dict& dict);
[[nodiscard]] Dict dict_of(const LimitRequest& request);

}  // namespace bus
