// SPDX-License-Identifier: Apache-2.0
// What can hold limits of jobs on this host: controllers of cgroup v2 below the
// base, and hierarchies of version 1 where it has none.
#pragma once

#include <string>
#include <string_view>

#include "core/limit_hold.h"

namespace sys {

/// Our directories in hierarchies of version 1, absolute; they are made when a
/// job needs one. Empty: none may be made.
struct GroupPlaces {
  std::string memory;
  std::string pids;
  std::string cpu;
  std::string cpuset;
  std::string blkio;
};

struct LimitFacts {
  core::LimitMeans means;
  GroupPlaces groups;
};

/// `base` is the jobs' directory in cgroup v2, open, `path` the same.
[[nodiscard]] LimitFacts find_limit_facts(int base, std::string_view path);

/// How our directory in a hierarchy of version 1 is called: the base's path
/// below the mount of version 2 with dots for slashes, so that no two instances
/// meet. Empty for the mount itself, which is nobody's base.
[[nodiscard]] std::string group_name(std::string_view path,
                                     std::string_view mount);

}  // namespace sys
