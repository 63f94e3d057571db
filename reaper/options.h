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
#include "reaper/entry_options.h"
#include "reaper/scope_options.h"

namespace reaper {

enum class Mode : std::uint8_t {
  kEntrypoint,  ///< no mode was named: `corral-init [--] CMD`
  kSupervise,
  kStore,
  kCheckState,
  kScope,   ///< one job's own reaper: --record FILE or --scope FD
  kHealth,  ///< what a container's probe asks
  kUnits,   ///< --supervise with corrald found by itself
  kHelp,
  kVersion,
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

  const char* units = nullptr;         ///< the directory, of kUnits
  const char* stop_timeout = nullptr;  ///< passed on to corrald

  EntryRules entry;
  ScopeOptions scope;
};

/// What is wrong with a command line.
using OptionError = core::Text<200>;

namespace detail {

inline constexpr std::uint64_t kHighestFd = 1U << 20;
inline constexpr std::uint64_t kMostRingRecords = 1U << 16;

template <int Options::* field>
constexpr bool set_fd(Options& options, const char* value) {
  const auto number = parse_number(value, kHighestFd);
  if (number) options.*field = static_cast<int>(*number);
  return number.has_value();
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

/// An option of an entrypoint that leaves the mode as it is.
template <bool (*set)(EntryRules&, const char*)>
bool of_entry(Options& options, const char* value) {
  return set(options.entry, value);
}

/// Likewise, of those that a scope has too.
template <bool (*set)(ScopeOptions&, const char*)>
bool of_both(Options& options, const char* value) {
  return set(options.scope, value);
}

/// "leave" is an entrypoint's alone.
inline bool set_stragglers(Options& options, const char* value) {
  options.entry.leaves = std::string_view(value) == "leave";
  return options.entry.leaves ||
         scope_option::set_stragglers(options.scope, value);
}

inline bool set_wait_all(Options& options, const char*) {
  options.scope.stragglers = core::Stragglers::kLinger;
  return true;
}

/// As text too: --units passes it on to corrald.
inline bool set_stop_timeout(Options& options, const char* value) {
  options.stop_timeout = value;
  return scope_option::set_stop_timeout(options.scope, value);
}

constexpr bool set_units(Options& options, const char* value) {
  options.mode = Mode::kUnits;
  options.units = value;
  return true;
}

/// Where an option may be given: the people's own also as a variable.
enum class Given : std::uint8_t { kWords, kVariableToo };

struct OptionRow {
  std::string_view name;
  const char* expects;  ///< null: it takes no value
  bool (*set)(Options& options, const char* value);
  Given given = Given::kWords;
};

inline constexpr OptionRow kOptionRows[] = {
    {"--help", nullptr, set_mode<Mode::kHelp>},
    {"--version", nullptr, set_mode<Mode::kVersion>},
    {"--health", nullptr, set_mode<Mode::kHealth>},
    // An entrypoint's.
    {"--stop-signal", "signals with commas between, or none",
     of_entry<entry_option::set_stop_signals>, Given::kVariableToo},
    {"--stop-with", "a signal", of_entry<entry_option::set_stop_with>,
     Given::kVariableToo},
    {"--stop-to", "main, group or job",
     of_entry<entry_option::set_target<&EntryRules::stop_target>>,
     Given::kVariableToo},
    {"--stop-timeout", "a duration such as 8s or 500ms", set_stop_timeout,
     Given::kVariableToo},
    {"--signal-to", "main, group or job",
     of_entry<entry_option::set_target<&EntryRules::signal_target>>,
     Given::kVariableToo},
    {"--rewrite", "SIGNAL:SIGNAL, or SIGNAL:0 to drop it",
     of_entry<entry_option::add_rewrites>, Given::kVariableToo},
    {"--stragglers", "end, kill, leave or linger", set_stragglers,
     Given::kVariableToo},
    {"--wait-all", nullptr, set_wait_all, Given::kVariableToo},
    {"--map-exit", "CODE:CODE, from 0 to 255",
     of_entry<entry_option::add_codes>, Given::kVariableToo},
    {"--exit-from", "the name of a process",
     of_entry<entry_option::set_text<&EntryRules::code_from>>,
     Given::kVariableToo},
    {"--termination-log", "a file",
     of_entry<entry_option::set_text<&EntryRules::last_words>>,
     Given::kVariableToo},
    {"--quiet", nullptr, of_entry<entry_option::set_quiet>,
     Given::kVariableToo},
    {"--record", "a file",
     of_scope<scope_option::set_text<&ScopeOptions::record_path>>,
     Given::kVariableToo},
    // A scope's.
    {"--scope", "a descriptor",
     of_scope<scope_option::set_fd<&ScopeOptions::link_fd>>},
    {"--cgroup-fd", "a descriptor",
     of_scope<scope_option::set_fd<&ScopeOptions::cgroup_fd>>},
    {"--jid", "a job id in hexadecimal", of_scope<scope_option::set_jid>},
    {"--name", "a name", of_scope<scope_option::set_name>},
    {"--engine", "cgroup2 or subreaper", of_scope<scope_option::set_engine>},
    {"--cgroup-base", "a directory",
     of_scope<scope_option::set_text<&ScopeOptions::cgroup_base>>},
    {"--grace", "milliseconds", of_both<scope_option::set_grace>},
    {"--signal", "a signal", of_both<scope_option::set_signal>},
    {"--limit-wall", "milliseconds above 0",
     of_scope<scope_option::set_wall_limit>},
    {"--limit", kLimitExpects, of_scope<scope_option::set_limit>},
    {"--strict-limits", nullptr,
     of_scope<scope_option::set_flag<&ScopeOptions::has_strict_limits>>},
    {"--report", "a file or a descriptor", of_scope<scope_option::set_report>},
    {"--report-format", "text or json",
     of_scope<scope_option::set_report_format>},
    {"--report-json", "a descriptor",
     of_scope<scope_option::set_fd<&ScopeOptions::report_json_fd>>},
    {"--reraise", nullptr,
     of_scope<scope_option::set_flag<&ScopeOptions::reraises>>},
    {"--uid", "a user id", of_scope<scope_option::set_id<&ScopeOptions::uid>>},
    {"--gid", "a group id", of_scope<scope_option::set_id<&ScopeOptions::gid>>},
    {"--groups", "at most 256 group ids with commas between",
     of_scope<scope_option::set_groups>},
    {"--cwd", "a directory",
     of_scope<scope_option::set_text<&ScopeOptions::cwd>>},
    // The daemon's.
    {"--units", "a directory", set_units, Given::kVariableToo},
    {"--supervise", nullptr, set_mode<Mode::kSupervise>},
    {"--store", "a descriptor", set_mode_and_fd<Mode::kStore>},
    {"--check-state", "a descriptor", set_mode_and_fd<Mode::kCheckState>},
    {"--ready-fd", "a descriptor", set_fd<&Options::ready_fd>},
    {"--keeper-fd", "a descriptor", set_fd<&Options::keeper_fd>},
    {"--state-fd", "a descriptor", set_fd<&Options::state_fd>},
    {"--ring-records", "a number from 1 to 65536", set_ring_records},
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
    if (row.name == name) return &row;
  return nullptr;
}

/// "CORRAL_INIT_STOP_TIMEOUT=9s" is "--stop-timeout 9s".
inline constexpr std::string_view kVariablePrefix = "CORRAL_INIT_";

/// The row that a variable's name stands for.
constexpr const OptionRow* row_of_variable(std::string_view name) {
  name.remove_prefix(kVariablePrefix.size());
  for (const OptionRow& row : kOptionRows) {
    if (row.given != Given::kVariableToo || row.name.size() != name.size() + 2)
      continue;
    std::size_t i = 0;
    while (i < name.size() &&
           name[i] == (row.name[i + 2] == '-'
                           ? '_'
                           : static_cast<char>(row.name[i + 2] - 'a' + 'A')))
      ++i;
    if (i == name.size()) return &row;
  }
  return nullptr;
}

constexpr OptionError complaint(std::string_view what, std::string_view name,
                                const OptionRow& row, const char* value) {
  OptionError error(what);
  error.append(" '").append(name).append("' expects ").append(row.expects);
  if (value != nullptr) error.append(", not '").append(value).append("'");
  return error;
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
    if (row == nullptr)
      return error.append("' is unknown; 'corral-init --help' lists them");
    const char* value = given.value;
    if ((value != nullptr) && row->expects == nullptr)
      return error.append("' takes no value");
    if (row->expects != nullptr && value == nullptr && at + 1 < argc)
      value = argv[++at];
    if ((row->expects != nullptr && value == nullptr) ||
        !row->set(options, value))
      return detail::complaint("option", given.name, *row, value);
  }
  options.command = argv + at;
  options.command_size = argc - at;
  return std::nullopt;
}

/// Takes what the environment says of an entrypoint.
[[nodiscard]] constexpr std::optional<OptionError> parse_variables(
    char** environment, Options& options) {
  for (; *environment != nullptr; ++environment) {
    const std::string_view variable(*environment);
    if (!variable.starts_with(detail::kVariablePrefix)) continue;
    const detail::GivenOption given = detail::split_option(*environment);
    const detail::OptionRow* const row = detail::row_of_variable(given.name);
    OptionError error("variable '");
    error.append(given.name);
    if (row == nullptr || given.value == nullptr)
      return error.append("' stands for no option of corral-init");
    const bool is_off = std::string_view(given.value) == "0";
    if (row->expects == nullptr && is_off) continue;
    if (!row->set(options, given.value))
      return detail::complaint("variable", given.name, *row, given.value);
  }
  return std::nullopt;
}

/// Whether `options` make an entrypoint, which heeds the environment. What
/// stands in for a command before a shell, or belongs to an instance, does not.
constexpr bool is_entrypoint(const Options& options) {
  return options.mode == Mode::kEntrypoint || options.mode == Mode::kUnits ||
         (options.mode == Mode::kScope && !options.scope.is_transparent());
}

/// The words and, for an entrypoint, the variables; words go before variables.
[[nodiscard]] constexpr std::optional<OptionError> parse_options(
    int argc, char** argv, char** environment, Options& options) {
  if (const auto error = parse_options(argc, argv, options)) return error;
  if (!is_entrypoint(options)) return std::nullopt;
  Options both;
  if (const auto error = parse_variables(environment, both)) return error;
  options = both;
  return parse_options(argc, argv, options);
}

}  // namespace reaper
