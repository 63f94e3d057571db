// SPDX-License-Identifier: Apache-2.0
// The command line of the corral-init that a foreground `corral run` becomes:
// the scope of a supervised job, or record mode where nobody supervises
// (reaper/options.h has the other half of this contract).
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cli/run_request.h"
#include "core/job_control.h"

namespace cli {

/// A job of a running instance. The descriptors are borrowed.
struct Supervised {
  core::JobId jid;
  core::Engine engine = core::Engine::kSubreaper;
  int link = -1;
  int container = -1;      ///< -1: none
  std::vector<int> joins;  ///< what the command writes "0" to
  core::JobLimits limits;  ///< for the scope to hold
};

/// Nobody supervises: the scope writes the records itself.
struct Recorded {
  std::string pacct;
  std::string cgroup_base;             ///< empty: the scope finds one
  std::optional<core::Engine> engine;  ///< absent: the scope chooses
};

struct ScopeSetting {
  std::variant<Supervised, Recorded> mode;
  std::optional<Identity> identity;
  int report_fd = -1;  ///< -1: nobody could read a report
};

/// All words, the program's path first.
[[nodiscard]] std::vector<std::string> scope_words(const std::string& program,
                                                   const RunRequest& request,
                                                   const ScopeSetting& setting);

}  // namespace cli
