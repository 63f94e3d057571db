// SPDX-License-Identifier: Apache-2.0
// Units of the records to those of reports: by the published products and
// quotients, as each rounds in its own way.
#pragma once

#include <cstdint>

namespace accounting {

constexpr double seconds_of_usec(double usec) {
  return usec * 0.000001;
}
constexpr double seconds_of_usec(std::uint64_t usec) {
  return seconds_of_usec(static_cast<double>(usec));
}
constexpr double minutes_of_usec(double usec) {
  return usec / 60000000.0;
}
constexpr double minutes_of_usec(std::uint64_t usec) {
  return minutes_of_usec(static_cast<double>(usec));
}
constexpr double seconds_of_nsec(std::uint64_t nsec) {
  return static_cast<double>(nsec) * 0.000000001;
}
constexpr double minutes_of_nsec(std::uint64_t nsec) {
  return static_cast<double>(nsec) / 60000000000.0;
}
constexpr double megabytes_of_kb(double kb) {
  return kb / 1024;
}

/// To the nearest whole number, as the published FTOL has it; beyond all of
/// them the largest.
constexpr std::int64_t rounded(double value) {
  constexpr double kTooMany = 9223372036854775808.0;  // 2^63
  if (!(value < kTooMany)) return INT64_MAX;
  return static_cast<std::int64_t>(value + 0.5);
}

}  // namespace accounting
