// SPDX-License-Identifier: Apache-2.0
#include "accounting/text/local_clock.h"

namespace accounting {

namespace {

constexpr std::int64_t kSpan = 900;
constexpr std::int64_t kDay = 86400;

std::int64_t look_up_offset(std::int64_t time) {
  const std::time_t value = time;
  std::tm local = {};
  if (::localtime_r(&value, &local) == nullptr) return 0;
  return local.tm_gmtoff;
}

constexpr std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

}  // namespace

LocalClock::LocalClock() {
  ::tzset();
}

std::int64_t LocalClock::offset_at(std::int64_t time) {
  const std::int64_t span = floor_divide(time, kSpan);
  if (span == span_) [[likely]]
    return is_steady_ ? offset_ : look_up_offset(time);
  span_ = span;
  offset_ = look_up_offset(span * kSpan);
  is_steady_ = offset_ == look_up_offset(span * kSpan + kSpan - 1);
  return is_steady_ ? offset_ : look_up_offset(time);
}

std::string_view LocalClock::time_of_day(std::int64_t time) {
  const std::int64_t local = time + offset_at(time);
  const auto second =
      static_cast<unsigned>(local - floor_divide(local, kDay) * kDay);
  const unsigned parts[] = {second / 3600, second / 60 % 60, second % 60};
  for (std::size_t i = 0; i < 3; ++i) {
    text_[i * 3] = static_cast<char>('0' + parts[i] / 10);
    text_[i * 3 + 1] = static_cast<char>('0' + parts[i] % 10);
    if (i < 2) text_[i * 3 + 2] = ':';
  }
  return {text_.data(), text_.size()};
}

std::string LocalClock::text(std::int64_t time) {
  const std::time_t value = time;
  char buffer[64];
  if (::ctime_r(&value, buffer) != nullptr) return buffer;
  return text(time, "%a %b %e %H:%M:%S %Y\n");  // a year of five digits
}

std::string LocalClock::text(std::int64_t time, const char* format) {
  const std::time_t value = time;
  std::tm local = {};
  if (::localtime_r(&value, &local) == nullptr) return {};
  char text[128];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  return {text, std::strftime(text, sizeof text, format, &local)};
#pragma GCC diagnostic pop
}

std::int64_t LocalClock::seconds_west() {
  ::tzset();  // localtime_r(3) need not have done it
  return ::timezone;
}

bool LocalClock::is_daylight_saving(std::int64_t time) {
  const std::time_t value = time;
  std::tm local = {};
  return ::localtime_r(&value, &local) != nullptr && local.tm_isdst > 0;
}

}  // namespace accounting
