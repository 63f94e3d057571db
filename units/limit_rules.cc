// SPDX-License-Identifier: Apache-2.0
#include "units/limit_rules.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "core/limit_hold.h"
#include "core/limit_terms_text.h"
#include "units/toml_values.h"

namespace units {

namespace {

using core::LimitKind;
using core::LimitRule;
using core::RuleSubject;

/// A table of the file by its first key, and how many keys may follow it before
/// the name of the limit.
struct SubjectRow {
  std::string_view key;
  RuleSubject subject;
  std::size_t fewest;  ///< names behind the key
  std::size_t most;
};

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr SubjectRow kSubjects[] = {
    {"default", RuleSubject::kEverybody, 0, 0},
    {"domain", RuleSubject::kEverybody, 1, 1},
    {"group", RuleSubject::kGroup, 1, 2},
    {"project", RuleSubject::kProject, 1, 2},
    {"user", RuleSubject::kUser, 1, 2},
};

/// What a limit's value looks like.
constexpr std::pair<core::LimitUnit, const char*> kExamples[] = {
    {core::LimitUnit::kMicroseconds, "a time such as \"30s\" or \"8h\""},
    {core::LimitUnit::kBytes, "a size such as \"512M\" or \"4G\""},
    {core::LimitUnit::kCount, "a number from 1 to "},
    {core::LimitUnit::kPercent, "a part of one processor such as \"150%\""},
    {core::LimitUnit::kProcessors, "processors such as \"0-2+5\", 0 to 63"},
};
// NOLINTEND(modernize-use-designated-initializers)

std::string limit_words() {
  std::string words;
  for (const LimitKind kind : core::kLimitKinds)
    words += (words.empty() ? "" : ", ") + std::string(core::row_of(kind).word);
  return words;
}

const SubjectRow* row_of(const TomlValue& value) {
  const auto found =
      std::ranges::find(kSubjects, value.path.front(), &SubjectRow::key);
  return found == std::end(kSubjects) ? nullptr : found;
}

/// What the value says of the kind; nothing: it is none.
std::optional<core::LimitTerms> limit_in(const TomlData& data, LimitKind kind) {
  if (const auto* text = std::get_if<std::string>(&data))
    return core::parse_terms_value(kind, *text);
  const auto* const number = std::get_if<std::int64_t>(&data);
  // A bare number has no unit: it counts, or is bytes.
  if (number == nullptr ||
      core::row_of(kind).unit == core::LimitUnit::kMicroseconds)
    return std::nullopt;
  return core::parse_terms_value(kind, std::to_string(*number));
}

/// Which part of several is wrong, and what was expected of it; empty: the
/// value is one bound, of which all is said otherwise.
std::string fault_within(const TomlData& data, LimitKind kind) {
  const auto* const text = std::get_if<std::string>(&data);
  const bool has_parts =
      text != nullptr && text->find_first_of(":/") != std::string::npos;
  if (!has_parts || kind == LimitKind::kCpuSet) return {};
  const auto terms = core::read_terms_value(kind, *text);
  return terms ? std::string() : terms.error();
}

std::string expected_of(LimitKind kind, bool without_soft = false) {
  const auto* const row =
      std::ranges::find(kExamples, core::row_of(kind).unit,
                        &std::pair<core::LimitUnit, const char*>::first);
  std::string text = row->second;
  if (row->first == core::LimitUnit::kCount)
    text += std::to_string(core::largest_bound(kind));
  if (without_soft) return text + ", or \"none\"";
  return text + ", two as \"SOFT:HARD\" (limits.toml(5)), or \"none\"";
}

/// Which no user or group is asked for by.
bool is_number_of(const LimitRule& rule) {
  return (rule.subject == RuleSubject::kUser ||
          rule.subject == RuleSubject::kGroup) &&
         core::parse_number(rule.name, UINT64_MAX).has_value();
}

/// One value of the file as a rule; the error without its place.
std::expected<LimitRule, std::string> rule_of(const TomlValue& value) {
  const SubjectRow* const row = row_of(value);
  const std::size_t names = value.path.size() < 2 ? 0 : value.path.size() - 2;
  if (row == nullptr || value.path.size() < 2 || names < row->fewest ||
      names > row->most)
    return std::unexpected(
        "no limit stands there, expected it in a table [default], "
        "[domain.NAME], [group.NAME], [project.NAME] or [user.NAME], the last "
        "three also with .DOMAIN");
  if (std::ranges::any_of(value.path, &std::string::empty))
    return std::unexpected(
        "a name is empty, expected one of a character at "
        "least");
  const auto kind = core::parse_limit_word(value.path.back());
  if (!kind)
    return std::unexpected("there is no such limit, expected one of " +
                           limit_words());
  const auto limit = limit_in(value.data, *kind);
  if (!limit) {
    const std::string fault = fault_within(value.data, *kind);
    return std::unexpected(
        "the value is " + shown(value.data) +
        (fault.empty() ? ", expected " + expected_of(*kind) : ": " + fault));
  }
  if (const auto why = core::why_no_soft_bound(*kind);
      limit->soft && !why.empty())
    return std::unexpected("the value is " + shown(value.data) + ", and '" +
                           core::row_of(*kind).word + "' " + std::string(why) +
                           "; expected " + expected_of(*kind, true));
  LimitRule rule = {.subject = row->subject,
                    .name = {},
                    .domain = {},
                    .limit = *limit,
                    .line = value.line};
  if (row->subject == RuleSubject::kEverybody) {
    if (names > 0) rule.domain = value.path[1];
  } else {
    rule.name = value.path[1];
    if (is_number_of(rule))
      return std::unexpected("'" + rule.name +
                             "' is a number, expected a name: rules are of "
                             "users and groups by their names");
    if (names > 1) rule.domain = value.path[2];
  }
  return rule;
}

/// A table of a subject in which no limit stands yet.
bool is_empty_table(const TomlValue& value) {
  const SubjectRow* const row = row_of(value);
  return std::holds_alternative<TomlEmptyTable>(value.data) && row != nullptr &&
         value.path.size() - 1 <= row->most &&
         std::ranges::none_of(value.path, &std::string::empty);
}

}  // namespace

std::string table_of(const LimitRule& rule) {
  const bool is_domain =
      rule.subject == RuleSubject::kEverybody && !rule.domain.empty();
  std::vector<std::string> path;
  for (const SubjectRow& row : kSubjects) {
    if (row.subject != rule.subject || is_domain != (row.key == "domain"))
      continue;
    path.emplace_back(row.key);
  }
  if (!rule.name.empty()) path.push_back(rule.name);
  if (!rule.domain.empty()) path.push_back(rule.domain);
  return key_text(path);
}

std::expected<std::vector<LimitRule>, std::string> read_limit_rules(
    std::string_view text, std::string_view file) {
  auto values = read_toml(text, file);
  if (!values) return std::unexpected(std::move(values).error());
  std::vector<LimitRule> rules;
  if (values->empty())
    return std::unexpected(std::string(file) +
                           ": nothing stands in it, expected a rule, or no "
                           "such file (is it being written? replace it by "
                           "rename)");
  for (const TomlValue& value : *values) {
    if (is_empty_table(value)) continue;
    auto rule = rule_of(value);
    if (!rule) return std::unexpected(error_at(file, value, rule.error()));
    rules.push_back(*std::move(rule));
  }
  return rules;
}

}  // namespace units
