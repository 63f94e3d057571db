// SPDX-License-Identifier: Apache-2.0
// Where an instance has its part of the cgroup v2 tree when nobody names it.
#pragma once

#include <string>
#include <string_view>

#include "sys/cgroup2_mount.h"
#include "sys/cgroup_tree.h"
#include "sys/proc_files.h"

namespace sys {

/// An instance's own processes are there once they stepped aside from where
/// they were started (supervisor/own_place.h).
inline constexpr const char* kInstance = "instance";
inline constexpr std::string_view kInstanceAside = "/corral/instance";

/// Below our own cgroup; if we are among those who stepped aside, round it.
/// Empty: there is none.
[[nodiscard]] inline std::string own_cgroup_base() {
  std::string own(own_cgroup_path());
  const std::string_view mount = any_cgroup2_mount();
  if (mount.empty() || own.empty() || own.starts_with("/..")) return {};
  if (own == "/") own.clear();
  if (own.ends_with(kInstanceAside))
    own.resize(own.size() - kInstanceAside.size());
  return std::string(mount) + own + "/corral";
}

}  // namespace sys
