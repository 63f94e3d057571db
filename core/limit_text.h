// SPDX-License-Identifier: Apache-2.0
// `--limit NAME=VALUE`: how limits are read and written as text. The names are
// those of core/limits.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/duration.h"
#include "core/limits.h"
#include "core/number_text.h"
#include "core/text.h"

namespace core {

inline constexpr const char* kLimitExpects =
    "wall= or cpu=TIME (500ms, 30s, 2h), memory=BYTES (64M), processes= or "
    "files=NUMBER, each above 0";

namespace detail {

struct AmountSuffix {
  LimitUnit unit;
  char text[2];  ///< zeros behind it
  std::uint8_t shift;
  std::uint32_t factor;
};

// NOLINTBEGIN(modernize-use-designated-initializers): a table
inline constexpr AmountSuffix kAmountSuffixes[] = {
    {LimitUnit::kBytes, {}, 0, 1},     {LimitUnit::kBytes, {'K'}, 10, 1},
    {LimitUnit::kBytes, {'M'}, 20, 1}, {LimitUnit::kBytes, {'G'}, 30, 1},
    {LimitUnit::kBytes, {'T'}, 40, 1}, {LimitUnit::kCount, {}, 0, 1},
};
// NOLINTEND(modernize-use-designated-initializers)

}  // namespace detail

/// "500ms" is 500,000, "64M" 67,108,864. Nothing if it is not of that unit, 0
/// or too large to be meant.
constexpr std::optional<std::uint64_t> parse_amount(LimitUnit unit,
                                                    std::string_view text) {
  if (unit == LimitUnit::kMicroseconds) {
    const auto time = parse_duration(text);
    if (!time || time->raw() == 0) return std::nullopt;
    return time->raw();
  }
  constexpr std::uint64_t kMost = INT64_MAX / 2;
  std::uint64_t number = 0;
  std::size_t at = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    if (number > kMost / 10 - 1) return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(text[at] - '0');
  }
  const std::size_t rest = text.size() - at;
  const char first = rest > 0 ? text[at] : '\0';
  const char second = rest > 1 ? text[at + 1] : '\0';
  if (number == 0 || rest > 2) return std::nullopt;
  for (const detail::AmountSuffix& row : detail::kAmountSuffixes) {
    const std::uint64_t factor = std::uint64_t{row.factor} << row.shift;
    if (row.unit == unit && row.text[0] == first && row.text[1] == second &&
        number <= kMost / factor)
      return number * factor;
  }
  return std::nullopt;
}

/// Puts "NAME=VALUE" into the limits; false if it is none. The last one of a
/// name counts.
constexpr bool parse_limit(JobLimits& limits, std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return false;
  for (int i = 1; i <= static_cast<int>(LimitKind::kLast); ++i) {
    const LimitRow& row = kLimitRows[i];
    if (row.word != std::string_view(text.begin(), text.begin() + equals))
      continue;
    const auto amount =
        parse_amount(row.unit, {text.begin() + equals + 1, text.end()});
    if (!amount || (static_cast<LimitKind>(i) == LimitKind::kProcesses &&
                    *amount > largest_bound(LimitKind::kProcesses)))
      return false;
    set_bound(limits, static_cast<LimitKind>(i), amount);
    return true;
  }
  return false;
}

/// Several with commas between; those before the first bad one are put in.
constexpr bool parse_limits(JobLimits& limits, const char* text) {
  while (text != nullptr)
    if (!parse_limit(limits, take_part(text))) return false;
  return true;
}

/// The same as parse_limit() reads them, with commas between; empty: none.
inline Text<160> limit_text(const JobLimits& limits) {
  Text<160> text;
  for (const LimitKind kind : kLimitKinds) {
    const auto bound = bound_of(limits, kind);
    if (!bound) continue;
    const LimitRow row = row_of(kind);
    text.append(text.empty() ? "" : ",").append(row.word).append("=");
    text.append_unsigned(*bound);
    if (row.unit == LimitUnit::kMicroseconds) text.append("us");
  }
  return text;
}

}  // namespace core
