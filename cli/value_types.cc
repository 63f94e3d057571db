// SPDX-License-Identifier: Apache-2.0
#include "cli/value_types.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <ctime>
#include <string>

#include "accounting/use_fold.h"
#include "core/charge.h"
#include "core/containment.h"
#include "core/job_control.h"
#include "core/job_name.h"
#include "core/job_result.h"
#include "core/job_tag.h"
#include "core/kill_plan.h"
#include "core/limit_terms_text.h"
#include "core/number_text.h"
#include "core/try.h"

namespace cli {
namespace {

bool is_duration(std::string_view text) {
  return parse_duration(text).has_value();
}
bool is_signal(std::string_view text) {
  return parse_signal(text).has_value();
}
bool is_signal_or_none(std::string_view text) {
  return parse_signal_or_none(text).has_value();
}
bool is_limit(std::string_view text) {
  const auto changes = parse_limit_changes(text);
  return changes && std::ranges::none_of(*changes, [](const auto& change) {
           return change.is_empty();
         });
}
bool is_limit_change(std::string_view text) {
  return parse_limit_changes(text).has_value();
}
/// Of a limit or a change of one.
std::string limit_fault(std::string_view text) {
  const auto changes = parse_limit_changes(text);
  if (!changes) return changes.error();
  for (const core::LimitChange& change : *changes)
    if (change.is_empty())
      return "'" + core::terms_text(change) +
             "' takes a limit away, expected one that there is to be";
  return {};
}
bool is_engine(std::string_view text) {
  return core::parse_engine(text).has_value();
}
bool is_report(std::string_view text) {
  return text == "text" || text == "json";
}
bool is_count(std::string_view text) {
  return core::parse_number(text, UINT32_MAX).value_or(0) > 0;
}
bool is_size(std::string_view text) {
  return core::parse_amount(core::LimitUnit::kBytes, text).has_value();
}
bool is_use_key(std::string_view text) {
  return accounting::parse_use_key(text).has_value();
}
bool is_day(std::string_view text) {
  return parse_day(text).has_value();
}
bool is_time(std::string_view text) {
  return parse_time(text).has_value();
}
bool is_shell(std::string_view text) {
  return text == "bash" || text == "zsh" || text == "fish";
}
bool is_assignment(std::string_view text) {
  const std::size_t equals = text.find('=');
  return equals != std::string_view::npos && equals > 0;
}

bool is_array(std::string_view text) {
  return core::parse_array_range(text).has_value();
}

bool is_jid(std::string_view text) {
  const auto jid = core::parse_job_id(text);
  return jid && core::sequence_of(*jid) != 0;
}

bool is_attach_mode(std::string_view text) {
  return core::parse_attach_mode(text).has_value();
}

bool is_nesting(std::string_view text) {
  return text == "keep" || text == "new";
}

bool is_stragglers(std::string_view text) {
  return core::parse_stragglers(text).has_value();
}

constexpr const char* kLimitWords =
    "wall= cpu= memory= processes= files= virtual= threads= file-size= core= "
    "locked= idle= swap= cpu-rate= cpu-set= io-rate= io-ops=";

constexpr const char* kSignalWords =
    "HUP INT QUIT ABRT KILL USR1 USR2 PIPE ALRM TERM CONT STOP TSTP WINCH";

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
    {ValueType::kEngine, "ENGINE", "cgroup2, subreaper, pidns or cgroup2+pidns",
     is_engine, Completion::kChoices, "cgroup2 subreaper pidns cgroup2+pidns",
     "", true},
    {ValueType::kDuration, "DURATION",
     "a duration such as 500ms, 30s, 5m, 2h or 1d", is_duration},
    {ValueType::kSignal, "SIGNAL", "a signal such as TERM, SIGUSR1 or 15",
     is_signal, Completion::kChoices, kSignalWords},
    {ValueType::kSignalOrNone, "SIGNAL",
     "a signal such as TERM, SIGUSR1 or 15, or 0 to send none",
     is_signal_or_none, Completion::kChoices, kSignalWords},
    {.type = ValueType::kLimit,
     .placeholder = "LIMITS",
     .expectation = core::kLimitTermsExpect,
     .is_good = is_limit,
     .completion = Completion::kChoices,
     .choices = kLimitWords,
     .has_rule = true,
     .fault = limit_fault},
    {.type = ValueType::kLimitChange,
     .placeholder = "LIMITS",
     .expectation = core::kLimitTermsExpect,
     .is_good = is_limit_change,
     .completion = Completion::kChoices,
     .choices = kLimitWords,
     .has_rule = true,
     .fault = limit_fault},
    {ValueType::kReport, "FORMAT", "text or json", is_report,
     Completion::kChoices, "text json", "text", true},
    {ValueType::kJob, "JOB", "a jid, a name or 'self'", nullptr,
     Completion::kJobs},
    {ValueType::kProgram, "PROGRAM", "a program", nullptr,
     Completion::kPrograms},
    {ValueType::kShell, "SHELL", "bash, zsh or fish", is_shell,
     Completion::kChoices, "bash zsh fish"},
    {ValueType::kCount, "N", "a number above 0", is_count},
    {ValueType::kSize, "SIZE", "a size such as 64M or 10G", is_size},
    {ValueType::kUseKey, "KEY",
     "job, user, group, project, account, command, node, day or hour",
     is_use_key, Completion::kChoices,
     "job user group project account command node day hour", "", true},
    {ValueType::kDay, "YYYY-MM-DD", "a day such as 2026-11-30", is_day},
    {ValueType::kTime, "TIME",
     "a time such as '2026-11-30 09:05', or @ and seconds since 1970", is_time},
    {ValueType::kAttachMode, "MODE", "move, nested, logical or transfer",
     is_attach_mode, Completion::kChoices, "move nested logical transfer"},
    {ValueType::kNesting, "HOW", "keep or new", is_nesting,
     Completion::kChoices, "keep new"},
    {ValueType::kStragglers, "HOW", "linger, end or kill", is_stragglers,
     Completion::kChoices, "linger end kill", "", true},
    {.type = ValueType::kArray,
     .placeholder = "INDICES",
     .expectation = core::kArrayExpected,
     .is_good = is_array,
     .has_rule = true},
    {.type = ValueType::kTag,
     .placeholder = "TAG",
     .expectation = core::kTagExpected,
     .is_good = core::is_tag,
     .has_rule = true},
    {.type = ValueType::kChargeName,
     .placeholder = "WORD",
     .expectation = core::kChargeNameExpected,
     .is_good = core::is_charge_name,
     .has_rule = true},
    {ValueType::kProcess, "PROCESS", "a process id", nullptr},
    {ValueType::kSessionWord, "WORD", "open, close or show", nullptr,
     Completion::kChoices, "open close show"},
    {ValueType::kAccountingWord, "WORD",
     "status, on, off, switch or record; behind on and off kinds of records",
     nullptr, Completion::kChoices, "status on off switch record"},
    {ValueType::kRecordKind, "KIND", "a kind of records", nullptr,
     Completion::kChoices,
     "csa mem io delay memt time job wkmg tape site1 site2"},
    {ValueType::kJid, "JID",
     "0x and up to 16 hexadecimal digits, the last 8 of them above 0", is_jid},
};
// NOLINTEND(modernize-use-designated-initializers)

}  // namespace

std::optional<std::uint64_t> parse_day(std::string_view text) {
  if (text.size() != 10) return std::nullopt;
  return parse_time(text);
}

std::optional<std::uint64_t> parse_time(std::string_view text) {
  constexpr std::uint64_t kMicroseconds = 1000000;
  if (text.starts_with('@')) {
    const auto time =
        core::parse_number(text.substr(1), UINT64_MAX / kMicroseconds);
    if (!time || *time == 0) return std::nullopt;
    return *time * kMicroseconds;
  }
  std::string whole(text);
  if (whole.size() == 10) whole += " 00:00";
  if (whole.size() == 16) whole += ":00";
  // 2026-11-30 09:05:00
  if (whole.size() != 19) return std::nullopt;
  const std::string_view at = whole;
  if (at[4] != '-' || at[7] != '-' || at[10] != ' ' || at[13] != ':' ||
      at[16] != ':')
    return std::nullopt;
  const auto year = core::parse_number(at.substr(0, 4), 9999);
  const auto month = core::parse_number(at.substr(5, 2), 12);
  const auto day = core::parse_number(at.substr(8, 2), 31);
  const auto hour = core::parse_number(at.substr(11, 2), 23);
  const auto minute = core::parse_number(at.substr(14, 2), 59);
  const auto second = core::parse_number(at.substr(17, 2), 59);
  if (!year || !month || !day || !hour || !minute || !second || *year < 1970 ||
      *month < 1 || *day < 1)
    return std::nullopt;
  std::tm local = {};
  local.tm_year = static_cast<int>(*year) - 1900;
  local.tm_mon = static_cast<int>(*month) - 1;
  local.tm_mday = static_cast<int>(*day);
  local.tm_hour = static_cast<int>(*hour);
  local.tm_min = static_cast<int>(*minute);
  local.tm_sec = static_cast<int>(*second);
  local.tm_isdst = -1;
  const std::time_t time = std::mktime(&local);
  if (time < 0 || local.tm_mday != static_cast<int>(*day)) return std::nullopt;
  return static_cast<std::uint64_t>(time) * kMicroseconds;
}

const ValueTypeRow& row_of(ValueType type) {
  return *std::ranges::find(kRows, type, &ValueTypeRow::type);
}

std::optional<core::SignalNumber> parse_signal(std::string_view text) {
  std::string upper(text);
  for (char& c : upper)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return core::parse_signal(upper);
}

std::optional<core::SignalNumber> parse_signal_or_none(std::string_view text) {
  if (text == "0") return core::SignalNumber(0);
  return parse_signal(text);
}

std::expected<std::vector<core::LimitChange>, std::string> parse_limit_changes(
    std::string_view text) {
  std::vector<core::LimitChange> changes;
  const std::string list(text);
  for (const char* rest = list.c_str(); rest != nullptr;)
    changes.push_back(TRY(core::read_terms(core::take_part(rest))));
  return changes;
}

}  // namespace cli
