// SPDX-License-Identifier: Apache-2.0
#include "units/site_settings.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>
#include <variant>

#include "core/charge.h"
#include "core/duration.h"
#include "core/limit_text.h"
#include "core/number_text.h"
#include "units/toml_values.h"

namespace units {

namespace {

/// A key, its value's form, and where it goes.
struct KeyRow {
  std::string_view section;
  std::string_view key;
  std::string_view expected;  ///< "a number from 1 to 1000000"
  /// False: it is not what is expected.
  bool (*set)(SiteSettings& to, const TomlData& data);
};

/// A name, or a number that is an id (2^32 - 1 is nobody, setresuid(2)).
bool is_id(std::string_view word) {
  const bool is_number =
      word.find_first_not_of("0123456789") == std::string_view::npos;
  if (is_number && !word.empty())
    return core::parse_number(word, UINT32_MAX - 1).has_value();
  return !word.empty() && word.size() <= 1024 &&
         word.find_first_of(std::string_view(":\n\0", 3)) ==
             std::string_view::npos;
}

template <class Settings, std::vector<std::string> Settings::* kMember,
          auto kIsGood>
bool set_words(Settings& to, const TomlData& data) {
  const auto* const list = std::get_if<std::vector<std::string>>(&data);
  if (list == nullptr || !std::ranges::all_of(*list, kIsGood)) return false;
  to.*kMember = *list;
  return true;
}

template <std::vector<std::string> SiteSettings::* kMember>
constexpr auto set_ids = set_words<SiteSettings, kMember, is_id>;

template <std::size_t SiteSettings::* kMember, std::int64_t kLeast,
          std::int64_t kMost>
bool set_number(SiteSettings& to, const TomlData& data) {
  const auto* const number = std::get_if<std::int64_t>(&data);
  if (number == nullptr || *number < kLeast || *number > kMost) return false;
  to.*kMember = static_cast<std::size_t>(*number);
  return true;
}

bool set_remember_for(SiteSettings& to, const TomlData& data) {
  const auto* const text = std::get_if<std::string>(&data);
  const auto time =
      text != nullptr ? core::parse_duration(*text) : std::nullopt;
  if (!time) return false;
  to.remember_for = *time;
  return true;
}

bool set_collector(SiteSettings& to, const TomlData& data) {
  const auto* const text = std::get_if<std::string>(&data);
  if (text == nullptr) return false;
  to.collector = core::parse_collector(*text);
  return to.collector || *text == "auto";
}

bool set_ring(SiteSettings& to, const TomlData& data) {
  constexpr std::uint64_t kLeast = std::uint64_t{1} << 20U;
  constexpr std::uint64_t kMost = std::uint64_t{1} << 30U;
  const auto* const text = std::get_if<std::string>(&data);
  const auto size = text != nullptr
                        ? core::parse_amount(core::LimitUnit::kBytes, *text)
                        : std::nullopt;
  if (!size || *size < kLeast || *size > kMost || !std::has_single_bit(*size))
    return false;
  to.ring = *size;
  return true;
}

bool set_keep_for(SiteSettings& to, const TomlData& data) {
  const auto* const text = std::get_if<std::string>(&data);
  if (text != nullptr) to.keep_for = core::parse_duration(*text);
  return to.keep_for && to.keep_for->raw() > 0;
}

bool set_switch_size(SiteSettings& to, const TomlData& data) {
  constexpr std::uint64_t kLeast = std::uint64_t{64} << 10U;
  const auto* const text = std::get_if<std::string>(&data);
  const auto size = text != nullptr
                        ? core::parse_amount(core::LimitUnit::kBytes, *text)
                        : std::nullopt;
  to.file_rules.most_bytes = size.value_or(0);
  return to.file_rules.most_bytes >= kLeast;
}

bool set_switch_every(SiteSettings& to, const TomlData& data) {
  const auto* const text = std::get_if<std::string>(&data);
  const auto time =
      text != nullptr ? core::parse_duration(*text) : std::nullopt;
  to.file_rules.longest = time.value_or(core::Microseconds());
  return to.file_rules.longest >= core::seconds(1);
}

bool set_least_free(SiteSettings& to, const TomlData& data) {
  const auto* const text = std::get_if<std::string>(&data);
  const auto size = text != nullptr
                        ? core::parse_amount(core::LimitUnit::kBytes, *text)
                        : std::nullopt;
  to.file_rules.least_free = size.value_or(0);
  return to.file_rules.least_free != 0;
}

bool set_keep_size(SiteSettings& to, const TomlData& data) {
  const auto* const text = std::get_if<std::string>(&data);
  if (text != nullptr)
    to.keep_size = core::parse_amount(core::LimitUnit::kBytes, *text);
  return to.keep_size.has_value();
}

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr KeyRow kRows[] = {
    {"authority", "operators",
     "an array of groups, by names or numbers, as in [\"wheel\", \"50\"]",
     set_ids<&SiteSettings::operators>},
    {"authority", "schedulers",
     "an array of users, by names or numbers, as in [\"slurm\", \"64030\"]",
     set_ids<&SiteSettings::schedulers>},
    {"jobs", "remember", "a number from 0 to 1000000",
     set_number<&SiteSettings::remember, 0, 1000000>},
    {"jobs", "remember_for", "a duration such as \"90s\", \"1h\" or \"2d\"",
     set_remember_for},
    {"jobs", "live", "a number from 1 to 1000000",
     set_number<&SiteSettings::live, 1, 1000000>},
    {"jobs", "live_of_user", "a number from 1 to 1000000",
     set_number<&SiteSettings::live_of_user, 1, 1000000>},
    {"accounting", "collector", "\"auto\", \"ebpf\", \"taskstats\" or \"wait\"",
     set_collector},
    {"accounting", "ring",
     "a power of two from \"1M\" to \"1G\", as in \"64M\"", set_ring},
    {"accounting", "keep_for", "a duration above 0, as in \"90d\"",
     set_keep_for},
    {"accounting", "keep_size", "a size above 0, as in \"10G\"", set_keep_size},
    {"accounting", "switch_size", "a size of at least \"64K\", as in \"100M\"",
     set_switch_size},
    {"accounting", "switch_every",
     "a duration of at least \"1s\", as in \"1d\"", set_switch_every},
    {"accounting", "least_free", "a size above 0, as in \"200M\"",
     set_least_free},
};
// NOLINTEND(modernize-use-designated-initializers)

/// A key of [project.NAME].
struct ProjectRow {
  std::string_view key;
  std::string_view expected;
  bool (*set)(ProjectSettings& to, const TomlData& data);
};

bool set_project_id(ProjectSettings& to, const TomlData& data) {
  const auto* const number = std::get_if<std::int64_t>(&data);
  if (number == nullptr || *number < 1 || *number > INT32_MAX) return false;
  to.id = static_cast<std::uint64_t>(*number);
  return true;
}

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr ProjectRow kProjectRows[] = {
    {"id", "a number from 1 to 2147483647", set_project_id},
    {"users",
     "an array of users, by names or numbers, as in [\"alice\", \"1000\"], or "
     "[\"*\"]",
     set_words<ProjectSettings, &ProjectSettings::users, is_id>},
    {"groups",
     "an array of groups, by names or numbers, as in [\"physics\", \"50\"]",
     set_words<ProjectSettings, &ProjectSettings::groups, is_id>},
    {"accounts", "an array of words of at most 64 letters, digits and _.@/+-",
     set_words<ProjectSettings, &ProjectSettings::accounts,
               core::is_charge_name>},
    {"usual_users",
     "an array of users, by names or numbers, as in [\"alice\", \"1000\"]",
     set_words<ProjectSettings, &ProjectSettings::usual_users, is_id>},
    {"usual_groups",
     "an array of groups, by names or numbers, as in [\"physics\", \"50\"]",
     set_words<ProjectSettings, &ProjectSettings::usual_groups, is_id>},
    {"operators",
     "an array of users, by names or numbers, as in [\"alice\", \"1000\"]",
     set_words<ProjectSettings, &ProjectSettings::operators, is_id>},
    {"operator_groups",
     "an array of groups, by names or numbers, as in [\"physics\", \"50\"]",
     set_words<ProjectSettings, &ProjectSettings::operator_groups, is_id>},
};
// NOLINTEND(modernize-use-designated-initializers)

constexpr std::string_view kProjectSection = "project";

/// A value of a project, or a project of which nothing is said.
bool is_of_project(const TomlValue& value) {
  return value.path.front() == kProjectSection &&
         (value.path.size() == 3 ||
          (value.path.size() == 2 &&
           std::holds_alternative<TomlEmptyTable>(value.data)));
}

/// What is wrong with it; empty: it was taken.
std::string take_of_project(SiteSettings& to, const TomlValue& value) {
  const std::string& name = value.path[1];
  if (!core::is_charge_name(name))
    return "the project's name is '" + name + "', expected " +
           core::kChargeNameExpected;
  auto project = std::ranges::find(to.projects, name, &ProjectSettings::name);
  if (project == to.projects.end())
    project = to.projects.insert(project, {.name = name});
  if (value.path.size() == 2) return {};
  const auto* const row =
      std::ranges::find(kProjectRows, value.path[2], &ProjectRow::key);
  if (row == std::end(kProjectRows))
    return "there is no such key of a project, expected 'id', 'users', "
           "'groups', 'accounts', 'usual_users', 'usual_groups', "
           "'operators' or 'operator_groups'";
  if (row->set(*project, value.data)) return {};
  return "the value is " + shown(value.data) + ", expected " +
         std::string(row->expected);
}

const KeyRow* find_row(const std::vector<std::string>& path) {
  for (const KeyRow& row : kRows)
    if (path.size() == 2 && path[0] == row.section && path[1] == row.key)
      return &row;
  return nullptr;
}

std::string known_keys() {
  std::string text;
  for (const KeyRow& row : kRows)
    text.append(text.empty() ? "" : ", ")
        .append(row.section)
        .append(".")
        .append(row.key);
  return text + ", or one of a table [project.NAME]";
}

/// A section in which no key stands yet.
bool is_empty_section(const TomlValue& value) {
  const auto is_its = [&value](const KeyRow& row) {
    return value.path.size() == 1 && value.path[0] == row.section;
  };
  return std::holds_alternative<TomlEmptyTable>(value.data) &&
         std::ranges::any_of(kRows, is_its);
}

/// What is wrong with it; empty: it was taken.
std::string take(SiteSettings& to, const TomlValue& value) {
  if (is_of_project(value)) return take_of_project(to, value);
  if (is_empty_section(value)) return {};
  const KeyRow* const row = find_row(value.path);
  if (row == nullptr)
    return "there is no such key, expected one of " + known_keys();
  if (row->set(to, value.data)) return {};
  return "the value is " + shown(value.data) + ", expected " +
         std::string(row->expected);
}

}  // namespace

std::expected<SiteSettings, std::vector<std::string>> parse_site_settings(
    std::string_view text, std::string_view file) {
  const auto values = read_toml(text, file);
  if (!values) return std::unexpected(std::vector{values.error()});
  SiteSettings settings;
  std::vector<std::string> faults;
  for (const TomlValue& value : *values)
    if (const std::string fault = take(settings, value); !fault.empty())
      faults.push_back(error_at(file, value, fault));
  if (!faults.empty()) return std::unexpected(std::move(faults));
  return settings;
}

}  // namespace units
