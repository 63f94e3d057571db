// SPDX-License-Identifier: Apache-2.0
// A number as strtol(3), atoi(3) and the %d of sscanf(3) read one: blanks and a
// sign may stand before it, anything behind it, and what is too large becomes
// the largest.
#pragma once

#include <cstdint>
#include <limits>

namespace reaper::compat {

/// Reads a decimal number and moves `at` behind it. Without a digit both stay
/// as they are.
constexpr bool scan_number(const char*& at, std::int64_t& value) {
  using Limits = std::numeric_limits<std::int64_t>;
  const char* c = at;
  while (*c == ' ' || (*c >= '\t' && *c <= '\r'))
    ++c;
  const bool is_negative = *c == '-';
  if (is_negative || *c == '+') ++c;
  if (*c < '0' || *c > '9') return false;
  std::int64_t scanned = 0;  // negative: there is one more of those
  for (; *c >= '0' && *c <= '9'; ++c) {
    const int digit = *c - '0';
    if (scanned < (Limits::min() + digit) / 10)
      scanned = Limits::min();
    else
      scanned = scanned * 10 - digit;
  }
  if (!is_negative && scanned == Limits::min()) scanned = -Limits::max();
  value = is_negative ? scanned : -scanned;
  at = c;
  return true;
}

}  // namespace reaper::compat
