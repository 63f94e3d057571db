// SPDX-License-Identifier: Apache-2.0
// Starts the instance of a systemd unit: its reaper, in a scope unit of its
// own. That is no service which systemd stops and starts again, so its cgroups
// are ours for as long as somebody is in them, limits and all; and it keeps the
// unit's cgroup free of processes that its next start would stumble over.
#pragma once

#include "core/error.h"
#include "core/ids.h"
#include "supervisor/settings.h"
#include "sys/pid_fd.h"
#include "sys/unique_fd.h"

namespace supervisor {

struct StartedInstance {
  core::Pid reaper;  ///< a child of ours
  sys::PidFd process;
  sys::UniqueFd ready;  ///< a line comes when it answers, or the end
};

/// Where there is no systemd, or it gives no scope unit, the instance is
/// started in our own cgroup, and the log says so. Errors: what kept it from
/// starting.
[[nodiscard]] core::Result<StartedInstance> start_instance(
    const Settings& settings);

}  // namespace supervisor
