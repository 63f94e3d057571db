// SPDX-License-Identifier: Apache-2.0
// corral limit explain USER [DOMAIN]: which limits the site sets to a job of
// somebody, and the rule that decides about each.
#pragma once

#include "cli/arguments.h"

namespace cli {

/// The operands behind the word 'explain'. Returns the exit code.
int explain_limits(const Arguments& arguments);

}  // namespace cli
