// SPDX-License-Identifier: Apache-2.0
// The keys of limits in CreateJob, SetLimits and ShowJob; and SetLimits's
// a{sv}, where 0 takes a limit away.
#pragma once

#include <vector>

#include "bus/value.h"
#include "core/job_control.h"

namespace bus {

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
    case core::LimitKind::kNone:
      break;
  }
  return "";
}
inline constexpr const char* kAcceptsLessKey = "AcceptsLess";

struct LimitRequest {
  std::vector<core::LimitChange> changes;
  bool accepts_less = false;
};

/// A refusal names the key, what it is and what was expected.
[[nodiscard]] core::Answer<LimitRequest> limit_request_of(const Dict& dict);
[[nodiscard]] Dict dict_of(const LimitRequest& request);

}  // namespace bus
