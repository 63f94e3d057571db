// SPDX-License-Identifier: Apache-2.0
// Points in time as local wall-clock text, for millions of them: the offset of
// the zone is looked up once for each quarter of an hour.
#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

namespace accounting {

class LocalClock {
 public:
  LocalClock();

  /// "HH:MM:SS"; valid until the next call.
  [[nodiscard]] std::string_view time_of_day(std::int64_t time);
  /// As ctime(3) has it, with its line feed; "" where there is no such day.
  [[nodiscard]] static std::string text(std::int64_t time);
  /// By strftime(3).
  [[nodiscard]] static std::string text(std::int64_t time, const char* format);
  /// Seconds west of UTC without daylight saving, as timezone(3) has it.
  [[nodiscard]] static std::int64_t seconds_west();
  [[nodiscard]] static bool is_daylight_saving(std::int64_t time);
  /// Seconds that local time is ahead of UTC at `time`.
  [[nodiscard]] std::int64_t offset_at(std::int64_t time);

 private:
  std::int64_t span_ = INT64_MIN;  ///< which quarter of an hour offset_ is of
  std::int64_t offset_ = 0;
  bool is_steady_ = false;  ///< offset_ holds for the whole of it
  std::array<char, 8> text_ = {};
};

}  // namespace accounting
