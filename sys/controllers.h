// SPDX-License-Identifier: Apache-2.0
// The controllers of a cgroup of version 2, by its own lists of them
// (cgroup-v2.rst, "Controlling Controllers").
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "sys/read_file.h"

namespace sys {

/// The list of those that it has.
inline constexpr const char* kControllers = "cgroup.controllers";
/// The list of those that cgroups below it have; "+memory" is written there.
inline constexpr const char* kPassedDown = "cgroup.subtree_control";

/// The extended attribute, "1", of a cgroup that was given away
/// (systemd.io/CGROUP_DELEGATION).
inline constexpr const char* kDelegatedMark = "user.delegate";

/// The names in a list, a path from `directory`; none if it cannot be read.
[[nodiscard]] inline std::vector<std::string> controllers_in(int directory,
                                                             const char* list) {
  char buffer[512];
  std::vector<std::string> names;
  std::string_view text =
      read_small_file_at(directory, list, buffer).value_or("");
  while (!text.empty()) {
    const std::size_t size = std::min(text.find_first_of(" \n"), text.size());
    if (size > 0) names.emplace_back(text.substr(0, size));
    text.remove_prefix(std::min(size + 1, text.size()));
  }
  return names;
}

}  // namespace sys
