// SPDX-License-Identifier: Apache-2.0
#include "accounting/cycle/stamp.h"

#include "accounting/text/local_clock.h"
#include "core/number_text.h"

namespace accounting {

namespace {

constexpr int kDays[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

/// Two digits of `text` from `at` on, as a number.
int two_digits(std::string_view text, std::size_t at) {
  return (text[at] - '0') * 10 + text[at + 1] - '0';
}

bool is_four_digits(std::string_view text) {
  return text.size() == 4 && core::parse_number(text, 9999).has_value();
}

}  // namespace

std::string Stamp::shown() const {
  return date.substr(0, 2) + "/" + date.substr(2) + " " + time.substr(0, 2) +
         ":" + time.substr(2);
}

std::optional<std::time_t> Stamp::moment(std::time_t now) const {
  if (!parse_stamp(date, time)) return std::nullopt;
  std::tm today = {};
  if (::localtime_r(&now, &today) == nullptr) return std::nullopt;
  constexpr int kFebruary29 = 8;  // years until there is one again, at most
  for (int year = today.tm_year; year >= today.tm_year - kFebruary29; --year) {
    std::tm local = {};
    local.tm_year = year;
    local.tm_mon = two_digits(date, 0) - 1;
    local.tm_mday = two_digits(date, 2);
    local.tm_hour = two_digits(time, 0);
    local.tm_min = two_digits(time, 2);
    local.tm_isdst = -1;
    const int day = local.tm_mday;
    const std::time_t moment = std::mktime(&local);
    if (local.tm_mday == day && moment <= now) return moment;
  }
  return std::nullopt;
}

Stamp stamp_of(std::time_t time) {
  return {.date = LocalClock::text(time, "%m%d"),
          .time = LocalClock::text(time, "%H%M")};
}

std::optional<Stamp> parse_stamp(std::string_view date, std::string_view time) {
  if (!is_four_digits(date) || !is_four_digits(time)) return std::nullopt;
  const int month = two_digits(date, 0);
  const int day = two_digits(date, 2);
  if (month < 1 || month > 12 || day < 1 || day > kDays[month - 1])
    return std::nullopt;
  if (two_digits(time, 0) > 23 || two_digits(time, 2) > 59) return std::nullopt;
  return Stamp{.date = std::string(date), .time = std::string(time)};
}

std::string date_text(std::time_t time) {
  return LocalClock::text(time, "%a %b %e %H:%M:%S %Z %Y");
}

}  // namespace accounting
