// SPDX-License-Identifier: Apache-2.0
// Which hours of which days are prime time, as a site says it. Values; nobody
// asks a clock here.
#pragma once

#include <bitset>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>

namespace core {

inline constexpr std::int64_t kSecondsOfHour = 3600;
/// The last second of a day that is wholly prime, or not, is never prime, as is
/// published.
inline constexpr std::int64_t kEndOfPrime = 24 * kSecondsOfHour - 1;

/// Prime time of one kind of day, in seconds from midnight: [begin, end).
struct DayHours {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  friend bool operator==(const DayHours&, const DayHours&) = default;
};
inline constexpr DayHours kAllPrime = {.begin = 0, .end = kEndOfPrime};
inline constexpr DayHours kNonePrime = {.begin = kEndOfPrime,
                                        .end = kEndOfPrime};

struct Date {
  int year = 0;
  int month = 0;  ///< from 0
  int day = 0;    ///< from 1
  friend auto operator<=>(const Date&, const Date&) = default;
};

struct Holidays {
  DayHours weekday;
  DayHours saturday;
  DayHours sunday;
  /// The year that `dates` are of; nothing: every year.
  std::optional<int> year;
  /// Days without prime time, by month (0 to 11) and day (1 to 31).
  std::bitset<12 * 32> dates;
  /// Likewise, each of its own year.
  std::set<Date> days;

  void add(int month, int day) {
    dates.set(static_cast<std::size_t>(month * 32 + day));
  }
  [[nodiscard]] bool is_holiday(const Date& date) const {
    const bool is_of_year = !year || *year == date.year;
    return (is_of_year &&
            dates[static_cast<std::size_t>(date.month * 32 + date.day)]) ||
           days.contains(date);
  }
};

/// The kinds of day that a site says hours of, by their names in its files.
struct KindOfDay {
  std::string_view name;
  DayHours Holidays::* hours;
};
inline constexpr KindOfDay kKindsOfDay[] = {
    {.name = "weekday", .hours = &Holidays::weekday},
    {.name = "saturday", .hours = &Holidays::saturday},
    {.name = "sunday", .hours = &Holidays::sunday},
};

/// How many days a month has at most; February in a leap year.
inline constexpr int kDaysOfMonth[] = {31, 29, 31, 30, 31, 30,
                                       31, 31, 30, 31, 30, 31};

/// Is there such a day? Year 0: of some year.
constexpr bool is_date(const Date& date) {
  if (date.month < 0 || date.month > 11 || date.day < 1) return false;
  const bool is_leap =
      date.year % 4 == 0 && (date.year % 100 != 0 || date.year % 400 == 0);
  const int most = date.month == 1 && !is_leap ? 28 : kDaysOfMonth[date.month];
  return date.day <= most;
}
static_assert(is_date({.month = 1, .day = 29}));

}  // namespace core
