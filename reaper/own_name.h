// SPDX-License-Identifier: Apache-2.0
// The names by which others know our processes, in ps(1) and to the health
// command (PR_SET_NAME(2const)).
#pragma once

#include <sys/prctl.h>

namespace reaper {

inline constexpr const char* kInitName = "corral-init";
inline constexpr const char* kReaperName = "corral-reaper";
inline constexpr const char* kNamespaceName = "corral-pidns";
inline constexpr const char* kEndingName = "corral-ending";

/// From now on the job, or the whole instance, is being ended.
inline void show_ending() {
  (void)::prctl(PR_SET_NAME, kEndingName);
}

}  // namespace reaper
