// SPDX-License-Identifier: Apache-2.0
// Hierarchies of cgroup version 1 (cgroups(7)): where a controller is mounted,
// and the cgroup in it that this process is in. On a hybrid machine they carry
// limits, while version 2 says who belongs to a job.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sys {

/// Our own cgroup in the hierarchy of `controller` ("memory", "pids"), as a
/// directory; nothing where there is no such hierarchy or it is not seen here.
[[nodiscard]] std::optional<std::string> own_cgroup1(
    std::string_view controller);

/// The same by the texts of /proc/self/cgroup and /proc/self/mountinfo
/// (proc_pid_mountinfo(5)).
[[nodiscard]] std::optional<std::string> own_cgroup1_in(
    std::string_view cgroups, std::string_view mounts,
    std::string_view controller);

}  // namespace sys
