// SPDX-License-Identifier: Apache-2.0
#include "units/holiday_settings.h"

#include <algorithm>
#include <climits>
#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>
#include <variant>

#include "core/number_text.h"
#include "units/toml_values.h"

namespace units {

namespace {

constexpr std::string_view kHours = "prime_time";
constexpr std::string_view kDates = "holidays";
constexpr std::string_view kHoursExpected =
    "\"all\", \"none\", or when prime time begins and when it ends, as in "
    "[\"07:30\", \"17:30\"]";
constexpr std::string_view kDateExpected =
    "a date as 2026-04-03, or as 12-25 for every year";

/// All of `text`, digits of that number, as a number.
std::optional<int> digits(std::string_view text, std::size_t count) {
  const auto number = core::parse_number(text, INT_MAX);
  if (!number || text.size() != count) return std::nullopt;
  return static_cast<int>(*number);
}

/// "07:30" in seconds; "24:00" is the day's end.
std::optional<std::int64_t> clock_of(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto hour = digits(text.substr(0, 2), 2);
  const auto minute = digits(text.substr(3), 2);
  if (!hour || !minute || *minute > 59 || *hour * 60 + *minute > 24 * 60)
    return std::nullopt;
  return *hour * core::kSecondsOfHour + *minute * 60;
}

std::optional<core::DayHours> hours_of(const TomlData& data) {
  if (const auto* const word = std::get_if<std::string>(&data)) {
    if (*word == "all") return core::kAllPrime;
    if (*word == "none") return core::kNonePrime;
    return std::nullopt;
  }
  const auto* const pair = std::get_if<std::vector<std::string>>(&data);
  if (pair == nullptr || pair->size() != 2) return std::nullopt;
  const auto begin = clock_of((*pair)[0]);
  const auto end = clock_of((*pair)[1]);
  if (!begin || !end || *begin > *end) return std::nullopt;
  return core::DayHours{.begin = *begin, .end = *end};
}

/// "2026-04-03", or "04-03", of which the year is 0.
std::optional<core::Date> date_of(std::string_view text) {
  core::Date date;
  if (text.size() == 10 && text[4] == '-') {
    const auto year = digits(text.substr(0, 4), 4);
    if (!year || *year == 0) return std::nullopt;
    date.year = *year;
    text.remove_prefix(5);
  }
  if (text.size() != 5 || text[2] != '-') return std::nullopt;
  const auto month = digits(text.substr(0, 2), 2);
  const auto day = digits(text.substr(3), 2);
  if (!month || !day) return std::nullopt;
  date.month = *month - 1;
  date.day = *day;
  return core::is_date(date) ? std::optional(date) : std::nullopt;
}

std::string wrong(const TomlData& data, std::string_view expected) {
  return "the value is " + shown(data) + ", expected " + std::string(expected);
}

class Loader {
 public:
  /// What is wrong with it; empty: it was taken.
  std::string take(const TomlValue& value) {
    const std::string& section = value.path[0];
    const bool is_empty = std::holds_alternative<TomlEmptyTable>(value.data);
    if (is_empty && value.path.size() == 1 &&
        (section == kHours || section == kDates))
      return {};
    if (value.path.size() == 2 && section == kHours)
      return take_hours(value.path[1], value.data);
    if (value.path.size() == 2 && section == kDates)
      return take_date(value.path[1], value.data);
    return "there is no such key, expected " + known_keys();
  }

  /// The kinds of day of which nothing was said.
  [[nodiscard]] std::vector<std::string> missing(std::string_view file) const {
    std::vector<std::string> faults;
    for (const core::KindOfDay& row : core::kKindsOfDay)
      if (std::ranges::find(seen_, row.name) == seen_.end())
        faults.push_back(std::string(file) + ": " + std::string(kHours) + "." +
                         std::string(row.name) + ": it is missing, expected " +
                         std::string(kHoursExpected));
    return faults;
  }

  core::Holidays finish() && { return std::move(holidays_); }

 private:
  static std::string known_keys() {
    std::string text;
    for (const core::KindOfDay& row : core::kKindsOfDay)
      text.append(kHours).append(".").append(row.name).append(", ");
    return text.append("or a date in [holidays]");
  }

  std::string take_hours(std::string_view key, const TomlData& data) {
    const auto* const row =
        std::ranges::find(core::kKindsOfDay, key, &core::KindOfDay::name);
    if (row == std::end(core::kKindsOfDay))
      return "there is no such key, expected " + known_keys();
    seen_.push_back(row->name);
    const auto hours = hours_of(data);
    if (!hours) return wrong(data, kHoursExpected);
    holidays_.*row->hours = *hours;
    return {};
  }

  std::string take_date(std::string_view key, const TomlData& data) {
    const auto date = date_of(key);
    if (!date)
      return "there is no such day, expected " + std::string(kDateExpected);
    if (!std::holds_alternative<std::string>(data))
      return wrong(data, "the holiday's name, a text");
    if (date->year == 0)
      holidays_.add(date->month, date->day);
    else
      holidays_.days.insert(*date);
    return {};
  }

  core::Holidays holidays_;
  std::vector<std::string_view> seen_;
};

}  // namespace

std::expected<core::Holidays, std::vector<std::string>> parse_holiday_settings(
    std::string_view text, std::string_view file) {
  const auto values = read_toml(text, file);
  if (!values) return std::unexpected(std::vector{values.error()});
  Loader loader;
  std::vector<std::string> faults;
  for (const TomlValue& value : *values)
    if (const std::string fault = loader.take(value); !fault.empty())
      faults.push_back(error_at(file, value, fault));
  std::ranges::move(loader.missing(file), std::back_inserter(faults));
  if (!faults.empty()) return std::unexpected(std::move(faults));
  return std::move(loader).finish();
}

}  // namespace units
