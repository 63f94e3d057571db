// SPDX-License-Identifier: Apache-2.0
// Prime time: which hours of which days. Read from the holidays file, asked by
// interval: any years, and days of 23 and 25 hours where clocks are changed.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace accounting {

/// Prime time of one kind of day, in seconds from midnight: [begin, end).
struct DayHours {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

struct Holidays {
  DayHours weekday;
  DayHours saturday;
  DayHours sunday;
  /// The year that the dates are of; nothing: every year ('*').
  std::optional<int> year;
  /// Days without prime time, by month (0 to 11) and day (1 to 31).
  std::bitset<12 * 32> dates;

  [[nodiscard]] bool is_holiday(int in_year, int month, int day) const {
    return (!year || *year == in_year) &&
           dates[static_cast<std::size_t>(month * 32 + day)];
  }
};

/// What a holidays file says; what is wrong in it goes to `faults`, a line for
/// each: file, line, label, value and what was expected.
Holidays parse_holidays(std::string_view text, const std::string& path,
                        std::string& faults);

/// Reads the file. Nothing if it cannot be used; `faults` says why.
std::optional<Holidays> read_holidays(const std::string& path,
                                      std::string& faults);

/// How much of an interval is prime time. Not for two threads at a time.
class PrimeTime {
 public:
  explicit PrimeTime(const Holidays& holidays) : holidays_(holidays) {}

  /// Seconds of [begin, begin + length) that are prime time.
  std::int64_t seconds(std::int64_t begin, std::int64_t length);

 private:
  struct Day {
    std::int64_t begin = 0;
    std::int64_t end = 0;  ///< the next midnight
    std::int64_t prime_begin = 0;
    std::int64_t prime_end = 0;
  };
  void move_to(std::int64_t time);

  Holidays holidays_;
  Day day_;
};

}  // namespace accounting
