// SPDX-License-Identifier: Apache-2.0
// corrald --unit: the main process of Corral's unit on a systemd host
// (docs/CGROUPS.md, "On a systemd host"). It is nobody's parent but the
// reaper's, and holds nothing: it finds the instance or starts one, tells
// systemd when that answers, and ends with the instance's reaper.
//
// Invariants:
//  - Stopping or killing it changes nothing for the instance, unless the
//    machine goes down: then the instance is ended in order first. So it is
//    in a scope unit. Without one all are in the unit's own cgroup, and only
//    KillMode=process keeps systemd from ending them.
//  - An instance that lives is never joined by another one; its supervisor is
//    replaced by the one that is installed.
#pragma once

#include "supervisor/settings.h"

namespace supervisor {

/// Serves until it is told to leave, or the instance is over; the exit code.
[[nodiscard]] int run_unit(const Settings& settings);

}  // namespace supervisor
