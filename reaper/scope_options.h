// SPDX-License-Identifier: Apache-2.0
// What a scope is told on its command line, and how each value is read. The
// rows of the table are in reaper/options.h.
#pragma once

#include <signal.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/containment.h"
#include "core/ids.h"
#include "core/job_result.h"
#include "core/kill_plan.h"
#include "core/limits.h"
#include "core/text.h"
#include "reaper/launch_block.h"

namespace reaper {

struct ScopeOptions {
  const char* record_path = nullptr;  ///< --record: no supervisor
  int link_fd = -1;                   ///< --scope: the supervisor's link
  int cgroup_fd = -1;                 ///< the job's cgroup, with --scope
  core::JobId jid;                    ///< none: a random one
  core::Text<64> name;
  std::optional<core::Engine> engine;  ///< none: the best that works
  const char* cgroup_base = "";        ///< empty: own cgroup + "/corral"
  core::Stragglers stragglers = core::Stragglers::kEnd;
  core::KillPlan plan;
  core::JobLimits limits;
  int report_fd = -1;       ///< for people
  int report_json_fd = -1;  ///< for programs
  bool reraises = false;    ///< die by the signal that ended the command
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  static constexpr std::size_t kMostScopeGroups = 256;
  std::uint32_t groups[kMostScopeGroups] = {};
  std::uint32_t group_count = 0;
  const char* cwd = nullptr;
};

/// A whole decimal number of at most `most`.
[[gnu::noinline]] constexpr std::optional<std::uint64_t> parse_number(
    std::string_view text, std::uint64_t most) {
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (digit > most || value > (most - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

/// The number of a descriptor. False, and nothing changed, if it is none.
constexpr bool parse_fd(int& fd, const char* text) {
  constexpr std::uint64_t kHighest = 1U << 20U;
  const auto number = parse_number(text, kHighest);
  if (number) fd = static_cast<int>(*number);
  return number.has_value();
}

/// "TERM", "SIGTERM", "SIGRTMIN+3" or a number.
inline std::optional<core::SignalNumber> parse_signal(std::string_view text) {
  constexpr int kMostSignals = 64;
  if (const auto number = parse_number(text, kMostSignals)) {
    if (*number == 0) return std::nullopt;
    return core::SignalNumber(static_cast<int>(*number));
  }
  core::Text<16> name(text.starts_with("SIG") ? "" : "SIG");
  name.append(text);
  for (int number = 1; number <= kMostSignals; ++number)
    if (core::signal_name(number) == name.view())
      return core::SignalNumber(number);
  return std::nullopt;
}

namespace scope_option {

inline constexpr std::uint64_t kMostMilliseconds = UINT64_MAX / 2000;

inline bool set_jid(ScopeOptions& options, const char* value) {
  const auto jid = core::parse_job_id(value);
  options.jid = jid.value_or(core::kNoJob);
  return jid.has_value();
}

inline bool set_name(ScopeOptions& options, const char* value) {
  options.name = core::Text<64>(value);
  return true;
}

inline bool set_engine(ScopeOptions& options, const char* value) {
  options.engine = core::parse_engine(value);
  return options.engine.has_value();
}

inline bool set_stragglers(ScopeOptions& options, const char* value) {
  constexpr struct {
    std::string_view name;
    core::Stragglers value;
  } kNames[] = {{"end", core::Stragglers::kEnd},
                {"kill", core::Stragglers::kKill},
                {"linger", core::Stragglers::kLinger}};
  for (const auto& row : kNames) {
    if (row.name != value) continue;
    options.stragglers = row.value;
    return true;
  }
  return false;
}

inline bool set_grace(ScopeOptions& options, const char* value) {
  const auto number = parse_number(value, kMostMilliseconds);
  if (number) options.plan.grace = core::milliseconds(*number);
  return number.has_value();
}

inline bool set_signal(ScopeOptions& options, const char* value) {
  const auto signal = parse_signal(value);
  if (signal) options.plan.first_signal = *signal;
  return signal.has_value();
}

inline bool set_wall_limit(ScopeOptions& options, const char* value) {
  const auto number = parse_number(value, kMostMilliseconds);
  if (number) options.limits.wall_time = core::milliseconds(*number);
  return number && *number > 0;
}

/// The highest number means "leave it" in setresuid(2).
inline std::optional<std::uint32_t> parse_id(const char* value) {
  const auto number = parse_number(value, UINT32_MAX - 1);
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
  std::string_view rest(value);
  options.group_count = 0;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    const std::size_t size = comma == rest.npos ? rest.size() : comma;
    const auto number = parse_number({rest.data(), size}, UINT32_MAX - 1);
    if (!number || options.group_count == ScopeOptions::kMostScopeGroups)
      return false;
    options.groups[options.group_count++] = static_cast<std::uint32_t>(*number);
    rest.remove_prefix(comma == rest.npos ? size : size + 1);
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
  return parse_fd(options.*field, value);
}

inline bool set_reraise(ScopeOptions& options, const char*) {
  options.reraises = true;
  return true;
}

}  // namespace scope_option

}  // namespace reaper
