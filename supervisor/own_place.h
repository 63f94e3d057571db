// SPDX-License-Identifier: Apache-2.0
// Where an instance's own processes are. The kernel passes controllers down
// only from cgroups that have no processes (cgroup-v2.rst, "No Internal Process
// Constraint"), and an instance is started in a cgroup: in a container's root,
// in a scope unit that systemd delegated, in a job with --delegate. If that is
// ours alone, the instance's processes step aside into the base's "instance",
// and the jobs have the controllers that the cgroup has.
#pragma once

#include <string>

#include "sys/cgroup_tree.h"

namespace supervisor {

/// Steps aside if it may and if that is of use; else, or if it was done before,
/// nothing happens. Says why it could not, as the end of a sentence; empty:
/// nothing is lacking.
[[nodiscard]] std::string step_aside(const sys::CgroupBase& base);

}  // namespace supervisor
