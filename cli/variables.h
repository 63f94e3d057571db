// SPDX-License-Identifier: Apache-2.0
// The variables CORRAL_* of the environment and what each may hold. A wrong one
// is refused before anything is done, as corrald refuses it, and told by the
// doctor: none is taken for one that is not set. An empty one is not set.
#pragma once

#include <string>
#include <vector>

#include "core/job_control.h"
#include "sys/places.h"

namespace cli {

struct VariableFault {
  std::string found;     ///< "environment variable 'CORRAL_ENGINE' is 'x'"
  std::string expected;  ///< "'cgroup2', 'subreaper', ..."
};

/// The variables that hold what they may not.
[[nodiscard]] std::vector<VariableFault> variable_faults(
    const sys::Environment& environment);

/// Errors: kInvalid for the first of them.
[[nodiscard]] core::Answer<void> check_variables(
    const sys::Environment& environment);

}  // namespace cli
