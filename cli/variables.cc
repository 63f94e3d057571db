// SPDX-License-Identifier: Apache-2.0
#include "cli/variables.h"

#include <string_view>

#include "core/collector.h"
#include "core/containment.h"
#include "core/duration.h"
#include "core/provider_event.h"

namespace cli {
namespace {

struct Variable {
  const char* name;
  bool (*holds)(std::string_view value);
  std::string_view expected;
};

/// Two commands would mean two places by a relative one.
bool is_absolute(std::string_view value) {
  return value.starts_with('/');
}

bool is_engine(std::string_view value) {
  return core::parse_engine(value).has_value();
}

bool is_duration(std::string_view value) {
  return core::parse_duration(value).has_value();
}

bool is_collector(std::string_view value) {
  return value == "auto" || core::parse_collector(value);
}

bool is_event_source(std::string_view value) {
  return value == "auto" || core::parse_event_source(value);
}

bool is_patience(std::string_view value) {
  const auto duration = core::parse_duration(value);
  return duration && duration->raw() > 0;
}

constexpr std::string_view kPath = "an absolute path";
constexpr std::string_view kDuration = "a duration such as 5s or 500ms";

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr Variable kVariables[] = {
    {"CORRAL_RUNTIME_DIR", is_absolute, kPath},
    {"CORRAL_PACCT", is_absolute, kPath},
    {"CORRAL_LOG_DIR", is_absolute, kPath},
    {"CORRAL_CGROUP_BASE", is_absolute,
     "the absolute path of a cgroup directory"},
    {"CORRAL_ENGINE", is_engine, core::kEngineExpected},
    {"CORRAL_COLLECTOR", is_collector, "'auto', 'ebpf', 'taskstats' or 'wait'"},
    {"CORRAL_EVENT_SOURCE", is_event_source,
     "'auto', 'ebpf', 'proc-connector' or 'none'"},
    {"CORRAL_TIMEOUT", is_patience, kDuration},
    {"CORRAL_INIT_STOP_TIMEOUT", is_duration, kDuration},
    {"CORRAL_LIMITS", is_absolute, kPath},
    {"CORRAL_CONFIG", is_absolute, kPath},
    {"CORRAL_LIBEXEC", is_absolute, kPath},
};
// NOLINTEND(modernize-use-designated-initializers)

}  // namespace

std::vector<VariableFault> variable_faults(
    const sys::Environment& environment) {
  std::vector<VariableFault> faults;
  for (const Variable& variable : kVariables) {
    const auto value = environment(variable.name);
    if (!value || variable.holds(*value)) continue;
    faults.push_back({.found = "environment variable '" +
                               std::string(variable.name) + "' is '" + *value +
                               "'",
                      .expected = std::string(variable.expected)});
  }
  return faults;
}

core::Answer<void> check_variables(const sys::Environment& environment) {
  const auto faults = variable_faults(environment);
  if (faults.empty()) return {};
  return refuse(core::Refusal::kInvalid,
                faults.front().found + ", expected " + faults.front().expected);
}

}  // namespace cli
