// SPDX-License-Identifier: Apache-2.0
#include "supervisor/settings.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

#include "core/duration.h"
#include "core/number_text.h"
#include "supervisor/log.h"
#include "sys/whole_file.h"
#include "units/limit_rules.h"

namespace supervisor {

namespace {

/// What a value is applied to: the settings, and what must be known first.
struct Draft {
  Settings settings;
  bool is_private = false;
  std::optional<std::string> runtime;
  std::optional<std::string> pacct;
  std::optional<std::string> logs;
  std::optional<std::string> limits;
  std::optional<std::string> config;
};

/// Takes the value, or says what was expected instead.
using Apply = std::optional<std::string> (*)(Draft& draft,
                                             std::string_view value);

/// What fits into the 10 s after which container engines kill.
constexpr core::Microseconds kUsualStopTimeout = core::seconds(8);

enum class Kept : char { kYes, kNo };

/// One setting: its option, the environment variable that stands in for it, the
/// name of its value ("" for a flag), and what it means.
struct Option {
  std::string_view name;
  std::string_view value_name;
  const char* variable;
  Kept is_kept;  ///< goes to the next corrald in Settings::kept_arguments
  Apply apply;
  std::string_view help;
};

template <std::string Settings::* member>
std::optional<std::string> set_text(Draft& draft, std::string_view value) {
  draft.settings.*member = value;
  return std::nullopt;
}

template <std::optional<std::string> Draft::* member>
std::optional<std::string> set_path(Draft& draft, std::string_view value) {
  if (!value.starts_with('/')) return "an absolute path";
  draft.*member = std::string(value);
  return std::nullopt;
}

template <bool Settings::* member>
std::optional<std::string> set_flag(Draft& draft, std::string_view /*value*/) {
  draft.settings.*member = true;
  return std::nullopt;
}

template <int Settings::* member>
std::optional<std::string> set_descriptor(Draft& draft,
                                          std::string_view value) {
  if (!core::parse_fd(draft.settings.*member, value))
    return "the number of an open descriptor";
  return std::nullopt;
}

std::optional<std::string> set_private(Draft& draft,
                                       std::string_view /*value*/) {
  draft.is_private = true;
  return std::nullopt;
}

std::optional<std::string> set_cgroup_base(Draft& draft,
                                           std::string_view value) {
  if (!value.starts_with('/')) return "the absolute path of a cgroup directory";
  draft.settings.cgroup_base = value;
  return std::nullopt;
}

std::optional<std::string> set_engine(Draft& draft, std::string_view value) {
  draft.settings.engine = core::parse_engine(value);
  if (!draft.settings.engine) return std::string(core::kEngineExpected);
  return std::nullopt;
}

std::optional<std::string> set_collector(Draft& draft, std::string_view value) {
  draft.settings.collector = core::parse_collector(value);
  if (!draft.settings.collector && value != "auto")
    return "'auto', 'ebpf', 'taskstats' or 'wait'";
  return std::nullopt;
}

std::optional<std::string> set_event_source(Draft& draft,
                                            std::string_view value) {
  draft.settings.event_source = core::parse_event_source(value);
  if (!draft.settings.event_source && value != "auto")
    return "'auto', 'ebpf', 'proc-connector' or 'none'";
  return std::nullopt;
}

std::optional<std::string> set_bus(Draft& draft, std::string_view value) {
  if (value != "system" && value != "none" && !value.contains(':'))
    return "'system', 'none' or an address such as 'unix:path=/run/bus'";
  draft.settings.bus = value;
  return std::nullopt;
}

std::optional<std::string> set_units(Draft& draft, std::string_view value) {
  if (value.empty()) return "a directory of unit files";
  draft.settings.units = value;
  return std::nullopt;
}

std::optional<std::string> set_stop_timeout(Draft& draft,
                                            std::string_view value) {
  draft.settings.stop_timeout = core::parse_duration(value);
  if (!draft.settings.stop_timeout) return "a duration such as 8s or 500ms";
  return std::nullopt;
}

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr Option kOptions[] = {
    {"--private", "", nullptr, Kept::kYes, set_private,
     "be the private instance of the user, also as root"},
    {"--runtime", "DIR", "CORRAL_RUNTIME_DIR", Kept::kYes,
     set_path<&Draft::runtime>, "the directory of the private socket"},
    {"--pacct", "FILE", "CORRAL_PACCT", Kept::kYes, set_path<&Draft::pacct>,
     "the accounting file"},
    {"--log-dir", "DIR", "CORRAL_LOG_DIR", Kept::kYes, set_path<&Draft::logs>,
     "the directory of the output of detached jobs"},
    {"--config", "FILE", "CORRAL_CONFIG", Kept::kYes, set_path<&Draft::config>,
     "the site's file of settings"},
    {"--cgroup-base", "PATH", "CORRAL_CGROUP_BASE", Kept::kYes, set_cgroup_base,
     "the cgroup directory that holds the jobs'"},
    {"--engine", "NAME", "CORRAL_ENGINE", Kept::kYes, set_engine,
     "contain jobs by cgroup2, subreaper, pidns or cgroup2+pidns, not by the "
     "best that works"},
    {"--collector", "NAME", "CORRAL_COLLECTOR", Kept::kYes, set_collector,
     "have processes counted by ebpf, taskstats or wait, not by the best that "
     "works"},
    {"--event-source", "NAME", "CORRAL_EVENT_SOURCE", Kept::kYes,
     set_event_source,
     "tell providers of processes by ebpf, proc-connector or none, not by the "
     "best that works"},
    {"--limits", "FILE", "CORRAL_LIMITS", Kept::kYes, set_path<&Draft::limits>,
     "the site's limits, instead of /etc/corral/limits.toml"},
    {"--bus", "BUS", nullptr, Kept::kYes, set_bus,
     "system (the default), none, or the address of a bus"},
    {"--units", "DIR", nullptr, Kept::kYes, set_units,
     "the directory of unit files; this version starts none"},
    {"--stop-timeout", "DURATION", "CORRAL_INIT_STOP_TIMEOUT", Kept::kYes,
     set_stop_timeout, "end what is left when a shutdown has taken so long"},
    {"--verbose", "", nullptr, Kept::kYes, set_flag<&Settings::is_verbose>,
     "log what is done, not only what is wrong"},
    {"--init", "PATH", nullptr, Kept::kNo, set_text<&Settings::init>,
     "the program corral-init"},
    {"--reaper-fd", "N", nullptr, Kept::kNo,
     set_descriptor<&Settings::reaper_fd>, "the link to the reaper"},
    {"--store-fd", "N", nullptr, Kept::kNo, set_descriptor<&Settings::store_fd>,
     "the link to the descriptor store"},
    {"--store-pidfd", "N", nullptr, Kept::kNo,
     set_descriptor<&Settings::store_pidfd>,
     "the store's process, to be woken or replaced when it is silent"},
    {"--ready-fd", "N", nullptr, Kept::kNo, set_descriptor<&Settings::ready_fd>,
     "where to write a line when the private socket listens"},
    {"--lock-fd", "N", nullptr, Kept::kNo, set_descriptor<&Settings::lock_fd>,
     "the lock that the reaper holds for this instance"},
    {"--worker", "NAME", nullptr, Kept::kNo, set_text<&Settings::worker>,
     "be the worker job-file, ledger, mover, names, scribe or site-limits on "
     "descriptor "
     "3"},
    {"--unit", "", nullptr, Kept::kNo, set_flag<&Settings::is_unit>,
     "be the main process of Corral's unit on a systemd host: start the "
     "instance or find it, and renew its supervisor"},
    {"--help", "", nullptr, Kept::kNo, set_flag<&Settings::wants_help>,
     "print this"},
    {"--version", "", nullptr, Kept::kNo, set_flag<&Settings::wants_version>,
     "print the version"},
};
// NOLINTEND(modernize-use-designated-initializers)

const Option* find_option(std::string_view name) {
  for (const Option& option : kOptions)
    if (option.name == name) return &option;
  return nullptr;
}

std::string quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
}

std::unexpected<std::string> refuse(std::string_view what,
                                    std::string_view value,
                                    std::string_view expected) {
  return std::unexpected(std::string(what) + " is " + quoted(value) +
                         ", expected " + std::string(expected));
}

/// The environment stands in for options that were not given: so it is first.
std::expected<void, std::string> apply_environment(
    Draft& draft, const sys::Environment& environment) {
  for (const Option& option : kOptions) {
    if (option.variable == nullptr) continue;
    const auto value = environment(option.variable);
    if (!value) continue;
    if (const auto expected = option.apply(draft, *value))
      return refuse("environment variable " + quoted(option.variable), *value,
                    *expected);
  }
  return {};
}

/// One argument taken apart; `value` follows after '=' or as the next one.
struct Argument {
  const Option* option = nullptr;
  std::string value;
};

std::expected<Argument, std::string> next_argument(
    std::span<const char* const>& arguments) {
  const std::string_view text = arguments.front();
  arguments = arguments.subspan(1);
  const std::size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  const Option* const option = find_option(name);
  if (option == nullptr)
    return std::unexpected("unknown argument " + quoted(text) +
                           "; 'corrald --help' lists what there is");
  const bool has_value = equals != std::string_view::npos;
  if (option->value_name.empty()) {
    if (has_value)
      return std::unexpected("option " + quoted(name) +
                             " takes no value, got " +
                             quoted(text.substr(equals + 1)));
    return Argument{.option = option, .value = {}};
  }
  if (has_value)
    return Argument{.option = option,
                    .value = std::string(text.substr(equals + 1))};
  if (arguments.empty())
    return std::unexpected("option " + quoted(name) + " needs a value: " +
                           std::string(option->value_name));
  Argument argument{.option = option, .value = arguments.front()};
  arguments = arguments.subspan(1);
  return argument;
}

std::expected<void, std::string> apply_arguments(
    Draft& draft, std::span<const char* const> arguments) {
  while (!arguments.empty()) {
    const Argument argument = TRY(next_argument(arguments));
    const Option& option = *argument.option;
    if (const auto expected = option.apply(draft, argument.value))
      return refuse("option " + quoted(option.name), argument.value, *expected);
    if (option.is_kept == Kept::kNo) continue;
    std::string kept(option.name);
    if (!option.value_name.empty()) kept += "=" + argument.value;
    draft.settings.kept_arguments.push_back(std::move(kept));
  }
  return {};
}

/// The places of this kind of instance, with what was asked for in their stead.
void settle_places(Draft& draft, const sys::Environment& environment) {
  const core::Uid user(::geteuid());
  const bool is_system = user == core::Uid(0) && !draft.is_private;
  // An option stands for its variable.
  const auto chosen = [&](const char* name) -> std::optional<std::string> {
    const std::string_view variable(name);
    if (variable == "CORRAL_RUNTIME_DIR" && draft.runtime) return draft.runtime;
    if (variable == "CORRAL_PACCT" && draft.pacct) return draft.pacct;
    if (variable == "CORRAL_LOG_DIR" && draft.logs) return draft.logs;
    if (variable == "CORRAL_CONFIG" && draft.config) return draft.config;
    return environment(name);
  };
  draft.settings.places = sys::find_places(
      is_system ? sys::InstanceKind::kSystem : sys::InstanceKind::kPrivate,
      user, chosen);
  draft.settings.limits_file = draft.limits.value_or(units::kLimitsFile);
}

}  // namespace

std::expected<Settings, std::string> read_settings(
    std::span<const char* const> arguments,
    const sys::Environment& environment) {
  Draft draft;
  TRY(apply_environment(draft, environment));
  TRY(apply_arguments(draft, arguments));
  settle_places(draft, environment);
  if (!draft.settings.units.empty() && !draft.settings.stop_timeout)
    draft.settings.stop_timeout = kUsualStopTimeout;
  return std::move(draft.settings);
}

void load_site(Settings& settings) {
  if (settings.places.settings.empty()) return;
  const auto read = sys::read_whole_file(settings.places.settings,
                                         units::kLargestSiteSettings);
  if (!read && read.error().code == ENOENT) return;
  if (!read)
    return spdlog::error("the settings of the site do not hold: {}",
                         text_of(read.error().message()));
  auto site = units::parse_site_settings(*read, settings.places.settings);
  if (site) {
    settings.site = *std::move(site);
    if (!settings.collector) settings.collector = settings.site.collector;
    return;
  }
  for (const std::string& fault : site.error())
    spdlog::error("{}", fault);
  spdlog::error("nothing of '{}' holds until it is right",
                settings.places.settings);
}

std::string settings_help() {
  std::string text =
      "usage: corrald [OPTION]...\n\n"
      "The supervisor of Corral. It is started by 'corral-init --supervise', "
      "not by hand.\n\n";
  for (const Option& option : kOptions) {
    std::string left = "  " + std::string(option.name);
    if (!option.value_name.empty())
      left += "=" + std::string(option.value_name);
    left.resize(std::max<std::size_t>(left.size() + 2, 24), ' ');
    text += left + std::string(option.help);
    if (option.variable != nullptr)
      text += " (environment: " + std::string(option.variable) + ")";
    text += '\n';
  }
  return text;
}

}  // namespace supervisor
