// SPDX-License-Identifier: Apache-2.0
// Names on the bus (docs/DESIGN.md, "Names and places").
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/ids.h"

namespace bus {

inline constexpr const char* kBusName = "org.corral.Manager1";
inline constexpr const char* kManagerPath = "/org/corral/manager";
inline constexpr const char* kManagerInterface = "org.corral.Manager1";
inline constexpr const char* kAccountingInterface = "org.corral.Accounting1";
inline constexpr const char* kJobInterface = "org.corral.Job1";
inline constexpr const char* kJobsPath = "/org/corral/job";
inline constexpr const char* kRootPath = "/org/corral";
inline constexpr const char* kObjectsInterface =
    "org.freedesktop.DBus.ObjectManager";
inline constexpr const char* kPropertiesInterface =
    "org.freedesktop.DBus.Properties";

/// "/org/corral/job/j" and 16 hexadecimal digits.
inline core::Text<40> job_path(core::JobId jid) {
  core::Text<40> path(kJobsPath);
  path.append("/").append(core::path_name(jid).view());
  return path;
}

/// The inverse of job_path().
inline std::optional<core::JobId> job_of_path(std::string_view path) {
  const std::string_view prefix(kJobsPath);
  if (!path.starts_with(prefix) || path.size() <= prefix.size() + 1 ||
      path[prefix.size()] != '/')
    return std::nullopt;
  return core::job_of_path_name(path.substr(prefix.size() + 1));
}

/// In CreateJob's answer: files that the first process joins (reaper::kJoin).
inline constexpr const char* kJoinKeys[] = {"Join1", "Join2", "Join3", "Join4",
                                            "Join5"};
/// The limits that are the scope's (core/limit_text.h).
inline constexpr const char* kScopeLimitsKey = "ScopeLimits";
/// Limits of each process that the scope is to begin with (setrlimit(2)).
inline constexpr const char* kProcessLimitsKey = "ProcessLimits";

}  // namespace bus
