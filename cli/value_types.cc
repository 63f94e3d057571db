// SPDX-License-Identifier: Apache-2.0
#include "cli/value_types.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <csignal>
#include <string>

#include "core/containment.h"
#include "core/job_name.h"
#include "core/job_result.h"

namespace cli {
namespace {

bool is_duration(std::string_view text) {
  return parse_duration(text).has_value();
}
bool is_signal(std::string_view text) {
  return parse_signal(text).has_value();
}
bool is_limit(std::string_view text) {
  return parse_wall_limit(text).has_value();
}
bool is_engine(std::string_view text) {
  return core::parse_engine(text).has_value();
}
bool is_report(std::string_view text) {
  return text == "text" || text == "json";
}
bool is_shell(std::string_view text) {
  return text == "bash" || text == "zsh" || text == "fish";
}
bool is_assignment(std::string_view text) {
  const std::size_t equals = text.find('=');
  return equals != std::string_view::npos && equals > 0;
}

// NOLINTBEGIN(modernize-use-designated-initializers): tables
constexpr ValueTypeRow kRows[] = {
    {ValueType::kFlag, "", "no value", nullptr},
    {ValueType::kText, "TEXT", "a text", nullptr},
    {.type = ValueType::kName,
     .placeholder = "NAME",
     .expectation = core::kJobNameExpected,
     .is_good = core::is_job_name,
     .has_rule = true},
    {ValueType::kAssignment, "NAME=VALUE", "NAME=VALUE", is_assignment},
    {ValueType::kFile, "FILE", "a file", nullptr, Completion::kFiles},
    {ValueType::kDirectory, "DIR", "a directory", nullptr,
     Completion::kDirectories},
    {ValueType::kUser, "USER", "a user's name or number", nullptr,
     Completion::kUsers},
    {ValueType::kEngine, "ENGINE", "cgroup2 or subreaper", is_engine,
     Completion::kChoices, "cgroup2 subreaper"},
    {ValueType::kDuration, "DURATION",
     "a duration such as 500ms, 30s, 5m, 2h or 1d", is_duration},
    {ValueType::kSignal, "SIGNAL", "a signal such as TERM, SIGUSR1 or 15",
     is_signal, Completion::kChoices,
     "HUP INT QUIT ABRT KILL USR1 USR2 PIPE ALRM TERM CONT STOP TSTP WINCH"},
    {ValueType::kLimit, "LIMIT", "wall=DURATION, such as wall=30s", is_limit,
     Completion::kChoices, "wall="},
    {ValueType::kReport, "FORMAT", "text or json", is_report,
     Completion::kChoices, "text json", "text"},
    {ValueType::kJob, "JOB", "a jid, a name or 'self'", nullptr,
     Completion::kJobs},
    {ValueType::kProgram, "PROGRAM", "a program", nullptr,
     Completion::kPrograms},
    {ValueType::kShell, "SHELL", "bash, zsh or fish", is_shell,
     Completion::kChoices, "bash zsh fish"},
};
// NOLINTEND(modernize-use-designated-initializers)

std::optional<int> parse_small_number(std::string_view text) {
  int number = 0;
  const auto [rest, error] = std::from_chars(text.begin(), text.end(), number);
  if (error != std::errc() || rest != text.end()) return std::nullopt;
  return number;
}

}  // namespace

const ValueTypeRow& row_of(ValueType type) {
  return *std::ranges::find(kRows, type, &ValueTypeRow::type);
}

std::optional<core::SignalNumber> parse_signal(std::string_view text) {
  if (const auto number = parse_small_number(text)) {
    if (*number < 1 || *number > 64) return std::nullopt;
    return core::SignalNumber(*number);
  }
  std::string name(text);
  for (char& c : name)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (!name.starts_with("SIG")) name.insert(0, "SIG");
  for (int number = 1; number <= 64; ++number)
    if (core::signal_name(number) == name) return core::SignalNumber(number);
  return std::nullopt;
}

std::optional<core::Microseconds> parse_wall_limit(std::string_view text) {
  constexpr std::string_view kKey = "wall=";
  if (!text.starts_with(kKey)) return std::nullopt;
  const auto bound = parse_duration(text.substr(kKey.size()));
  if (!bound || bound->raw() == 0) return std::nullopt;
  return bound;
}

}  // namespace cli
