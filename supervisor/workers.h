// SPDX-License-Identifier: Apache-2.0
// The processes that corrald starts of itself, by name.
#pragma once

#include "supervisor/settings.h"

namespace supervisor {

/// Is the worker that `settings.worker` names until its socket ends: for main,
/// before anything else is set up. Returns the exit code; 2 for a name that is
/// no worker.
int run_worker(const Settings& settings);

}  // namespace supervisor
