// SPDX-License-Identifier: Apache-2.0
// corral-init's command line and environment. The roles of an instance are
// another program's, corral-reaper: what names one ends the reading.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

#include "core/text.h"
#include "reaper/entry_options.h"
#include "reaper/option_table.h"
#include "reaper/scope_options.h"

namespace reaper {

enum class Mode : std::uint8_t {
  kEntrypoint,  ///< no mode was named: `corral-init [--] CMD`
  kInstance,    ///< a role of corral-reaper, which reads the words again
  kScope,       ///< one job's own reaper: --record, --limit, --scope FD, ...
  kHealth,      ///< what a container's probe asks
  kHelp,
  kVersion,
};

struct Options {
  static constexpr const char* kKnown = "'corral-init --help' lists them";

  Mode mode = Mode::kEntrypoint;
  char** command = nullptr;  ///< ends with a null; may be empty
  int command_size = 0;

  EntryRules entry;
  ScopeOptions scope;

  [[nodiscard]] bool is_for_another() const { return mode == Mode::kInstance; }
};

namespace detail {

template <Mode mode>
constexpr bool set_mode(Options& options, const char*) {
  options.mode = mode;
  return true;
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
  options.entry.leaves = false;
  options.scope.stragglers = core::Stragglers::kLinger;
  return true;
}

// NOLINTBEGIN(modernize-use-designated-initializers): a table
inline constexpr OptionRow<Options> kOptionRows[] = {
    {"--help", nullptr, set_mode<Mode::kHelp>},
    {"--version", nullptr, set_mode<Mode::kVersion>},
    {"--health", nullptr, set_mode<Mode::kHealth>},
    // An entrypoint's.
    {"--stop-signal",
     "signals with commas between, not KILL, STOP or CHLD, or none",
     of_entry<entry_option::set_stop_signals>, Given::kVariableToo},
    {"--stop-with", "a signal", of_entry<entry_option::set_stop_with>,
     Given::kVariableToo},
    {"--stop-to", "main, group or job",
     of_entry<entry_option::set_target<&EntryRules::stop_target>>,
     Given::kVariableToo},
    {"--stop-timeout", "a duration such as 8s or 500ms",
     of_both<scope_option::set_stop_timeout>, Given::kVariableToo},
    {"--signal-to", "main, group or job",
     of_entry<entry_option::set_target<&EntryRules::signal_target>>,
     Given::kVariableToo},
    {"--rewrite",
     "SIGNAL:SIGNAL, the first not KILL, STOP or CHLD, or SIGNAL:0 to drop it",
     of_entry<entry_option::add_rewrites>, Given::kVariableToo},
    {"--stragglers", "end, kill, leave or linger", set_stragglers,
     Given::kVariableToo},
    {"--wait-all", nullptr, set_wait_all, Given::kVariableToo},
    {"--map-exit", "CODE:CODE, from 0 to 255",
     of_entry<entry_option::add_codes>, Given::kVariableToo},
    {"--exit-from", "the name of a process",
     of_entry<entry_option::set_text<&EntryRules::code_from>>,
     Given::kVariableToo},
    {"--termination-log", "the absolute path of a file",
     of_entry<entry_option::set_last_words>, Given::kVariableToo},
    {"--quiet", nullptr, of_entry<entry_option::set_quiet>,
     Given::kVariableToo},
    // A scope's.
    {"--record", "a file",
     of_scope<scope_option::set_text<&ScopeOptions::record_path>>,
     Given::kVariableToo},
    {"--scope", "a descriptor",
     of_scope<scope_option::set_fd<&ScopeOptions::link_fd>>,
     Given::kByPrograms},
    {"--cgroup-fd", "a descriptor",
     of_scope<scope_option::set_fd<&ScopeOptions::cgroup_fd>>,
     Given::kByPrograms},
    {"--join-fd", "a descriptor", of_scope<scope_option::add_join_fd>,
     Given::kByPrograms},
    {"--jid", "a job id in hexadecimal", of_scope<scope_option::set_jid>,
     Given::kByPrograms},
    {"--name", core::kJobNameExpected, of_scope<scope_option::set_name>},
    {"--engine", "cgroup2 or subreaper", of_scope<scope_option::set_engine>},
    {"--cgroup-base", "a directory",
     of_scope<scope_option::set_text<&ScopeOptions::cgroup_base>>},
    {"--grace", "milliseconds", of_both<scope_option::set_grace>,
     Given::kByPrograms},
    {"--signal", "a signal", of_both<scope_option::set_signal>},
    {"--limit", core::kLimitExpects, of_scope<scope_option::set_limits>,
     Given::kVariableToo},
    {"--strict-limits", nullptr,
     of_scope<scope_option::set_flag<&ScopeOptions::has_strict_limits>>,
     Given::kVariableToo},
    {"--report", "a file or a descriptor", of_scope<scope_option::set_report>,
     Given::kVariableToo},
    {"--report-format", "text or json",
     of_scope<scope_option::set_report_format>, Given::kVariableToo},
    {"--report-json", "a descriptor",
     of_scope<scope_option::set_fd<&ScopeOptions::report_json_fd>>,
     Given::kByPrograms},
    {"--reraise", nullptr,
     of_scope<scope_option::set_flag<&ScopeOptions::reraises>>,
     Given::kByPrograms},
    {"--uid", "a user id", of_scope<scope_option::set_id<&ScopeOptions::uid>>},
    {"--gid", "a group id", of_scope<scope_option::set_id<&ScopeOptions::gid>>},
    {"--groups", "at most 256 numbers, with commas",
     of_scope<scope_option::set_groups>},
    {"--cwd", "a directory",
     of_scope<scope_option::set_text<&ScopeOptions::cwd>>},
    // Of corral-reaper.
    {"--units", "a directory", set_mode<Mode::kInstance>},
    {"--supervise", nullptr, set_mode<Mode::kInstance>},
    {"--store", "a descriptor", set_mode<Mode::kInstance>, Given::kByPrograms},
    {"--check-state", "a descriptor", set_mode<Mode::kInstance>,
     Given::kByPrograms},
};
// NOLINTEND(modernize-use-designated-initializers)

/// "CORRAL_INIT_STOP_TIMEOUT=9s" is "--stop-timeout 9s".
inline constexpr std::string_view kVariablePrefix = "CORRAL_INIT_";

/// Kubernetes sets such for each pod beside a Service named "corral-init".
constexpr bool is_of_kubernetes(std::string_view variable) {
  return variable.starts_with("CORRAL_INIT_SERVICE_") ||
         variable.starts_with("CORRAL_INIT_PORT");
}

/// The row that a variable's name stands for.
constexpr const OptionRow<Options>* row_of_variable(std::string_view name) {
  name.remove_prefix(kVariablePrefix.size());
  for (const OptionRow<Options>& row : kOptionRows) {
    if (row.given != Given::kVariableToo) continue;
    const char* const option = row.name + std::strlen("--");
    std::size_t i = 0;
    while (
        i < name.size() && option[i] != '\0' &&
        name[i] ==
            (option[i] == '-' ? '_' : static_cast<char>(option[i] - 'a' + 'A')))
      ++i;
    if (i == name.size() && option[i] == '\0') return &row;
  }
  return nullptr;
}

}  // namespace detail

/// Reads `argv`. An error is a sentence for people.
[[nodiscard]] constexpr std::optional<OptionError> parse_options(
    int argc, char** argv, Options& options) {
  return parse_words(std::span<const OptionRow<Options>>(detail::kOptionRows),
                     argc, argv, options);
}

/// Takes what the environment says of an entrypoint.
[[nodiscard]] constexpr std::optional<OptionError> parse_variables(
    char** environment, Options& options) {
  for (; *environment != nullptr; ++environment) {
    const std::string_view variable(*environment);
    if (!variable.starts_with(detail::kVariablePrefix) ||
        detail::is_of_kubernetes(variable))
      continue;
    const detail::GivenOption given = detail::split_option(*environment);
    const OptionRow<Options>* const row = detail::row_of_variable(given.name);
    OptionError error("variable '");
    error.append(given.name);
    if (row == nullptr || given.value == nullptr)
      return error.append("' stands for no option of corral-init");
    const std::string_view value(given.value);
    const bool is_flag = row->expects == nullptr;
    if (value.empty() || (is_flag && value == "0")) continue;
    if ((is_flag && value != "1") || !row->set(options, given.value))
      return detail::complaint("variable", given.name,
                               is_flag ? "1 or 0" : row->expects, given.value);
  }
  return std::nullopt;
}

/// They are for this corral-init; one that its job starts has its own.
constexpr void drop_variables(char** environment) {
  char** kept = environment;
  for (; *environment != nullptr; ++environment) {
    const std::string_view variable(*environment);
    if (!variable.starts_with(detail::kVariablePrefix) ||
        detail::is_of_kubernetes(variable))
      *kept++ = *environment;
  }
  *kept = nullptr;
}

/// Whether `options` make an entrypoint, which heeds the environment. What
/// stands in for a command before a shell, or belongs to an instance, does not.
constexpr bool is_entrypoint(const Options& options) {
  return options.mode == Mode::kEntrypoint ||
         (options.mode == Mode::kScope && !options.scope.is_transparent());
}

/// A user without a group keeps ours, which is root's more often than it is
/// meant.
[[nodiscard]] constexpr std::optional<OptionError> find_missing_option(
    const Options& options) {
  if (!options.scope.uid || options.scope.gid) return std::nullopt;
  return OptionError(
      "option '--uid' expects '--gid' too; '--gid 0' keeps root's group");
}

/// The words and, for an entrypoint, the variables; words go before variables.
[[nodiscard]] constexpr std::optional<OptionError> parse_options(
    int argc, char** argv, char** environment, Options& options) {
  if (const auto error = parse_options(argc, argv, options)) return error;
  if (const auto error = find_missing_option(options)) return error;
  if (!is_entrypoint(options)) return std::nullopt;
  // A variable alone may stand in an image for the day a report is asked for.
  const bool wants_json = options.scope.report_is_json;
  Options both;
  if (const auto error = parse_variables(environment, both)) return error;
  drop_variables(environment);
  options = both;
  if (const auto error = parse_options(argc, argv, options)) return error;
  if (wants_json && options.scope.report_path == nullptr)
    return OptionError("option '--report-format' expects '--report' too");
  return std::nullopt;
}

}  // namespace reaper
