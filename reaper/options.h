// SPDX-License-Identifier: Apache-2.0
// corral-init's command line: one table of options, the first of which names
// the mode. Options end at "--" or at the first word that is none; the rest is
// the command, which stays where it is in argv, so that `command[-1]` is
// writable (reaper/exec_search.h needs it).
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "core/text.h"
#include "reaper/scope_options.h"

namespace reaper {

enum class Mode : std::uint8_t {
  kEntrypoint,  ///< no mode was named: `corral-init [--] CMD`
  kSupervise,
  kStore,
  kCheckState,
  kScope,  ///< one job's own reaper: --record FILE or --scope FD
};

struct Options {
  Mode mode = Mode::kEntrypoint;
  char** command = nullptr;  ///< ends with a null; may be empty
  int command_size = 0;

  int link_fd = -1;    ///< --store FD, --check-state FD
  int ready_fd = -1;   ///< for the first supervisor
  int keeper_fd = -1;  ///< an orphaned store's link: a revival
  int state_fd = -1;   ///< what we were before we became this program
  std::uint32_t ring_records = 4096;

  ScopeOptions scope;
};

/// What is wrong with a command line.
using OptionError = core::Text<200>;

namespace detail {

inline constexpr std::uint64_t kMostRingRecords = 1U << 16;

template <int Options::* field>
constexpr bool set_fd(Options& options, const char* value) {
  return parse_fd(options.*field, value);
}

template <Mode mode>
constexpr bool set_mode(Options& options, const char*) {
  options.mode = mode;
  return true;
}

template <Mode mode>
constexpr bool set_mode_and_fd(Options& options, const char* value) {
  options.mode = mode;
  return set_fd<&Options::link_fd>(options, value);
}

constexpr bool set_ring_records(Options& options, const char* value) {
  const auto number = parse_number(value, kMostRingRecords);
  if (number) options.ring_records = static_cast<std::uint32_t>(*number);
  return number && *number > 0;
}

/// An option of a scope; the first of them names the mode.
template <bool (*set)(ScopeOptions&, const char*)>
bool of_scope(Options& options, const char* value) {
  options.mode = Mode::kScope;
  return set(options.scope, value);
}

struct OptionRow {
  const char* name;
  const char* expects;  ///< null: it takes no value
  bool (*set)(Options& options, const char* value);
};

inline constexpr OptionRow kOptionRows[] = {
    {"--supervise", nullptr, set_mode<Mode::kSupervise>},
    {"--store", "a descriptor", set_mode_and_fd<Mode::kStore>},
    {"--check-state", "a descriptor", set_mode_and_fd<Mode::kCheckState>},
    {"--ready-fd", "a descriptor", set_fd<&Options::ready_fd>},
    {"--keeper-fd", "a descriptor", set_fd<&Options::keeper_fd>},
    {"--state-fd", "a descriptor", set_fd<&Options::state_fd>},
    {"--ring-records", "a number from 1 to 65536", set_ring_records},
    {"--record", "a file",
     of_scope<scope_option::set_text<&ScopeOptions::record_path>>},
    {"--scope", "a descriptor",
     of_scope<scope_option::set_fd<&ScopeOptions::link_fd>>},
    {"--cgroup-fd", "a descriptor",
     of_scope<scope_option::set_fd<&ScopeOptions::cgroup_fd>>},
    {"--jid", "a job id in hexadecimal", of_scope<scope_option::set_jid>},
    {"--name", "a name", of_scope<scope_option::set_name>},
    {"--engine", "cgroup2 or subreaper", of_scope<scope_option::set_engine>},
    {"--cgroup-base", "a directory",
     of_scope<scope_option::set_text<&ScopeOptions::cgroup_base>>},
    {"--stragglers", "end, kill or linger",
     of_scope<scope_option::set_stragglers>},
    {"--grace", "milliseconds", of_scope<scope_option::set_grace>},
    {"--signal", "a signal", of_scope<scope_option::set_signal>},
    {"--limit-wall", "milliseconds above 0",
     of_scope<scope_option::set_wall_limit>},
    {"--report", "a descriptor",
     of_scope<scope_option::set_fd<&ScopeOptions::report_fd>>},
    {"--report-json", "a descriptor",
     of_scope<scope_option::set_fd<&ScopeOptions::report_json_fd>>},
    {"--reraise", nullptr, of_scope<scope_option::set_reraise>},
    {"--uid", "a user id", of_scope<scope_option::set_id<&ScopeOptions::uid>>},
    {"--gid", "a group id", of_scope<scope_option::set_id<&ScopeOptions::gid>>},
    {"--groups", "at most 256 group ids with commas between",
     of_scope<scope_option::set_groups>},
    {"--cwd", "a directory",
     of_scope<scope_option::set_text<&ScopeOptions::cwd>>},
};

/// An option and its value: "--name value" or "--name=value".
struct GivenOption {
  std::string_view name;
  const char* value = nullptr;  ///< null: none was attached
};

constexpr GivenOption split_option(const char* word) {
  const std::string_view text(word);
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return {text, nullptr};
  return {{word, equals}, word + equals + 1};
}

constexpr const OptionRow* find_row(std::string_view name) {
  for (const OptionRow& row : kOptionRows)
    if (name == row.name) return &row;
  return nullptr;
}

}  // namespace detail

/// Reads `argv`. An error is a sentence for people.
[[nodiscard]] constexpr std::optional<OptionError> parse_options(
    int argc, char** argv, Options& options) {
  int at = 1;
  for (; at < argc; ++at) {
    const std::string_view word(argv[at]);
    if (word == "--") ++at;
    if (word == "--" || !word.starts_with("-") || word == "-") break;
    const detail::GivenOption given = detail::split_option(argv[at]);
    const detail::OptionRow* const row = detail::find_row(given.name);
    OptionError error("option '");
    error.append(given.name);
    if (row == nullptr) return error.append("' is unknown");
    const char* value = given.value;
    if ((value != nullptr) && row->expects == nullptr)
      return error.append("' takes no value");
    if (row->expects != nullptr && value == nullptr && at + 1 < argc)
      value = argv[++at];
    if (row->expects != nullptr && value == nullptr)
      return error.append("' expects ").append(row->expects);
    if (!row->set(options, value))
      return error.append("' expects ")
          .append(row->expects)
          .append(", not '")
          .append(value)
          .append("'");
  }
  options.command = argv + at;
  options.command_size = argc - at;
  return std::nullopt;
}

}  // namespace reaper
