// SPDX-License-Identifier: Apache-2.0
// Where cgroup v2 is where the host has it mounted nowhere: kernels have it
// also where only hierarchies of version 1 are mounted, so a system instance
// mounts it for itself. There it has no controllers: it knows the members, and
// version 1 holds the limits, as on a hybrid machine.
#pragma once

#include <string>
#include <string_view>

#include "sys/cgroup_tree.h"

namespace sys {

/// One of the machine's, whatever runtime directories its instances have.
inline constexpr const char* kInstanceCgroup2Mount = "/run/corral/cgroup2";

/// As cgroup2_mount(), or where an instance has mounted it. Empty: nowhere.
inline std::string_view any_cgroup2_mount() {
  const std::string_view usual = cgroup2_mount();
  if (!usual.empty()) return usual;
  struct statfs facts = {};
  const bool is_there = ::statfs(kInstanceCgroup2Mount, &facts) == 0 &&
                        facts.f_type == kCgroup2Magic;
  return is_there ? kInstanceCgroup2Mount : std::string_view();
}

/// Why this process cannot mount it; empty: it can.
[[nodiscard]] std::string obstacle_to_cgroup2_mount();

/// Mounts it there. It stays when we end, for the jobs, and is found again.
[[nodiscard]] core::Result<void> mount_cgroup2();

}  // namespace sys
