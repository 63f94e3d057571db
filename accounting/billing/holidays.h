// SPDX-License-Identifier: Apache-2.0
// Prime time: which hours of which days. Read from the holidays file, asked by
// interval: any years, and days of 23 and 25 hours where clocks are changed.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "core/holidays.h"

namespace accounting {

using core::DayHours;
using core::Holidays;

/// What a holidays file says; what is wrong in it goes to `faults`, a line for
/// each: file, line, label, value and what was expected.
Holidays parse_holidays(std::string_view text, const std::string& path,
                        std::string& faults);

/// What a text of another form says; the error is whole lines.
using HolidaysTranslator = std::expected<Holidays, std::string> (*)(
    std::string_view text, const std::string& path);

/// For files whose names end with .toml. Without one they are refused.
void set_holidays_translator(HolidaysTranslator translator);

/// The usual holidays file, where csa.conf names none: the published one, or
/// that in TOML beside it, if that alone is there.
[[nodiscard]] std::string usual_holidays_file();

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
