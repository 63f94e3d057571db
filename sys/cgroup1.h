// SPDX-License-Identifier: Apache-2.0
// Hierarchies of cgroup version 1 (cgroups(7)): where a controller is mounted,
// and the cgroup in it that this process is in. On a hybrid machine they carry
// limits, while version 2 says who belongs to a job.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sys {

/// A hierarchy of cgroups that is mounted here, of either version.
struct Hierarchy {
  int version = 1;
  std::string name = {};                      ///< "systemd"; mostly empty
  std::vector<std::string> controllers = {};  ///< that it has
  std::string mount = {};
  /// Our own cgroup in it, as a directory; empty: it is not seen here.
  std::string own = {};
};

/// Those that are mounted, by their first mount; what controllers version 2
/// has, its own file says (cgroup.controllers), so they are not told here.
[[nodiscard]] std::vector<Hierarchy> hierarchies_in(std::string_view cgroups,
                                                    std::string_view mounts);

/// The same of this process.
[[nodiscard]] std::vector<Hierarchy> find_hierarchies();

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
