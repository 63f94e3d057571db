// SPDX-License-Identifier: Apache-2.0
// What a scope is told on its command line, and how each value is read. The
// rows of the table are in reaper/options.h.
#pragma once

#include <signal.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "core/containment.h"
#include "core/duration.h"
#include "core/ids.h"
#include "core/job_name.h"
#include "core/job_result.h"
#include "core/kill_plan.h"
#include "core/limit_text.h"
#include "core/limits.h"
#include "core/number_text.h"
#include "core/text.h"
#include "reaper/launch_block.h"
#include "reaper/own_namespace.h"

namespace reaper {

/// Inside the 10 s that container engines wait before they kill.
inline constexpr core::Microseconds kEntryBudget = core::seconds(8);

struct ScopeOptions {
  const char* record_path = nullptr;  ///< --record: no supervisor
  int link_fd = -1;                   ///< --scope: the supervisor's link
  int cgroup_fd = -1;                 ///< the job's cgroup, with --scope
  core::JobId jid;                    ///< none: a random one
  core::Text<64> name;
  std::optional<core::Engine> engine;  ///< none: the best that works
  const char* cgroup_base = "";        ///< empty: own cgroup + "/corral"
  core::Stragglers stragglers = core::Stragglers::kEnd;
  core::SignalNumber first_signal = core::kSigterm;
  std::optional<core::Microseconds> grace;  ///< none: as plan() says
  core::JobLimits limits;
  bool has_strict_limits = false;     ///< refuse instead of approximating
  const char* report_path = nullptr;  ///< as given: a file, unless it is
  int report_fd = -1;                 ///< a descriptor's number
  bool report_is_json = false;
  int report_json_fd = -1;  ///< for programs
  bool reraises = false;    ///< die by the signal that ended the command
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  static constexpr std::size_t kMostScopeGroups = 256;
  std::uint32_t groups[kMostScopeGroups] = {};
  std::uint32_t group_count = 0;
  static constexpr std::size_t kMostJoins = 5;
  static constexpr std::int32_t kJoins[kMostJoins] = {kJoin, kJoin, kJoin,
                                                      kJoin, kJoin};
  int join_fds[kMostJoins] = {};  ///< what the command writes "0" to
  std::uint32_t join_count = 0;
  const char* cwd = nullptr;

  /// Whether it stands in for the command before a shell (`corral run`); false:
  /// for a container's init.
  [[nodiscard]] bool is_transparent() const { return reraises || link_fd >= 0; }
  [[nodiscard]] core::KillPlan plan() const {
    const core::Microseconds usual =
        is_transparent() ? core::KillPlan().grace : kEntryBudget;
    return {.first_signal = first_signal, .grace = grace.value_or(usual)};
  }
};

namespace scope_option {

inline constexpr std::uint64_t kMostMilliseconds = UINT64_MAX / 2000;

inline bool set_jid(ScopeOptions& options, const char* value) {
  const auto jid = core::parse_job_id(value);
  options.jid = jid.value_or(core::kNoJob);
  return jid.has_value();
}

inline bool set_name(ScopeOptions& options, const char* value) {
  options.name = core::Text<64>(value);
  return core::is_job_name(value);
}

inline bool set_engine(ScopeOptions& options, const char* value) {
  // Those that this program can.
  using core::Engine;
  if (kMakesNamespaces) {
    options.engine = core::parse_engine(value);
    return options.engine && core::has_pid_namespace(*options.engine);
  }
  options.engine = Engine::kCgroup2;
  if (std::strcmp(value, "cgroup2") == 0) return true;
  options.engine = Engine::kSubreaper;
  return std::strcmp(value, "subreaper") == 0;
}

inline bool set_stragglers(ScopeOptions& options, const char* value) {
  // NOLINTBEGIN(modernize-use-designated-initializers): a table
  constexpr struct {
    std::string_view name;
    core::Stragglers value;
  } kNames[] = {{"end", core::Stragglers::kEnd},
                {"kill", core::Stragglers::kKill},
                {"linger", core::Stragglers::kLinger}};
  // NOLINTEND(modernize-use-designated-initializers)
  for (const auto& row : kNames) {
    if (row.name != value) continue;
    options.stragglers = row.value;
    return true;
  }
  return false;
}

inline bool set_grace(ScopeOptions& options, const char* value) {
  const auto number = core::parse_number(value, kMostMilliseconds);
  if (number) options.grace = core::milliseconds(*number);
  return number.has_value();
}

inline bool set_stop_timeout(ScopeOptions& options, const char* value) {
  options.grace = core::parse_duration(value);
  return options.grace.has_value();
}

inline bool set_signal(ScopeOptions& options, const char* value) {
  const auto signal = core::parse_signal(value);
  if (signal) options.first_signal = *signal;
  return signal.has_value();
}

inline bool add_join_fd(ScopeOptions& options, const char* value) {
  if (options.join_count == ScopeOptions::kMostJoins) return false;
  return core::parse_fd(options.join_fds[options.join_count++], value);
}

/// One limit, or several with commas between.
inline bool set_limits(ScopeOptions& options, const char* value) {
  return core::parse_limits(options.limits, value);
}

inline bool set_report_format(ScopeOptions& options, const char* value) {
  options.report_is_json = std::strcmp(value, "json") == 0;
  return options.report_is_json || std::strcmp(value, "text") == 0;
}

/// The highest number means "leave it" in setresuid(2).
inline std::optional<std::uint32_t> parse_id(const char* value) {
  const auto number = core::parse_number(value, UINT32_MAX - 1);
  if (!number) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

template <std::optional<std::uint32_t> ScopeOptions::* field>
inline bool set_id(ScopeOptions& options, const char* value) {
  options.*field = parse_id(value);
  return (options.*field).has_value();
}

/// "4,20,27", or nothing at all.
inline bool set_groups(ScopeOptions& options, const char* value) {
  options.group_count = 0;
  if (*value == '\0') return true;
  while (value != nullptr) {
    const auto number =
        core::parse_number(core::take_part(value), UINT32_MAX - 1);
    if (!number || options.group_count == ScopeOptions::kMostScopeGroups)
      return false;
    options.groups[options.group_count++] = static_cast<std::uint32_t>(*number);
  }
  return true;
}

template <const char* ScopeOptions::* field>
inline bool set_text(ScopeOptions& options, const char* value) {
  options.*field = value;
  return value[0] != '\0';
}

template <int ScopeOptions::* field>
inline bool set_fd(ScopeOptions& options, const char* value) {
  return core::parse_fd(options.*field, value);
}

/// Digits are a descriptor.
inline bool set_report(ScopeOptions& options, const char* value) {
  options.report_fd = -1;
  (void)set_fd<&ScopeOptions::report_fd>(options, value);
  return set_text<&ScopeOptions::report_path>(options, value);
}

template <bool ScopeOptions::* field>
inline bool set_flag(ScopeOptions& options, const char*) {
  options.*field = true;
  return true;
}

}  // namespace scope_option

}  // namespace reaper
