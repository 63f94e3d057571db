// SPDX-License-Identifier: Apache-2.0
// The minute at which an accounting run began names all that it makes: MMDD and
// hhmm of local time. The year is not in it; the last such minute is meant.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace accounting {

struct Stamp {
  std::string date = "0000";  ///< MMDD
  std::string time = "0000";  ///< hhmm

  [[nodiscard]] std::string text() const { return date + time; }
  /// "11/30 13:45"
  [[nodiscard]] std::string shown() const;
  /// Seconds since 1970 of the last such minute at or before `now`; nothing
  /// where there was none.
  [[nodiscard]] std::optional<std::time_t> moment(std::time_t now) const;

  bool operator==(const Stamp&) const = default;
};

[[nodiscard]] Stamp stamp_of(std::time_t time);

/// Nothing: `date` is no MMDD, or `time` no hhmm.
[[nodiscard]] std::optional<Stamp> parse_stamp(std::string_view date,
                                               std::string_view time);

/// "Mon Nov 30 13:45:01 UTC 2026", as date(1) has it.
[[nodiscard]] std::string date_text(std::time_t time);

}  // namespace accounting
