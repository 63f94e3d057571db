// SPDX-License-Identifier: Apache-2.0
// `--limit NAME=VALUE`: how the value of a limit is read. The names are those
// of core/limits.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/duration.h"
#include "core/limits.h"

namespace reaper {

inline constexpr const char* kLimitExpects =
    "wall= or cpu=TIME (30s, 500ms, 5m, 2h), memory=BYTES (64M), processes= or "
    "files=NUMBER, each above 0";

namespace detail {

struct AmountSuffix {
  core::LimitUnit unit;
  char text[2];  ///< zeros behind it
  std::uint8_t shift;
  std::uint32_t factor;
};

inline constexpr AmountSuffix kAmountSuffixes[] = {
    {core::LimitUnit::kBytes, {}, 0, 1},
    {core::LimitUnit::kBytes, {'K'}, 10, 1},
    {core::LimitUnit::kBytes, {'M'}, 20, 1},
    {core::LimitUnit::kBytes, {'G'}, 30, 1},
    {core::LimitUnit::kBytes, {'T'}, 40, 1},
    {core::LimitUnit::kCount, {}, 0, 1},
};

}  // namespace detail

/// "500ms" is 500,000, "64M" 67,108,864. Nothing if it is not of that unit, 0
/// or too large to be meant.
constexpr std::optional<std::uint64_t> parse_amount(core::LimitUnit unit,
                                                    std::string_view text) {
  if (unit == core::LimitUnit::kMicroseconds) {
    const auto time = core::parse_duration(text);
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
constexpr bool parse_limit(core::JobLimits& limits, std::string_view text) {
  using core::LimitKind;
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return false;
  for (int i = 1; i <= static_cast<int>(LimitKind::kLast); ++i) {
    const core::LimitRow& row = core::kLimitRows[i];
    if (row.word != std::string_view(text.data(), equals)) continue;
    const auto amount = parse_amount(
        row.unit, {text.data() + equals + 1, text.size() - equals - 1});
    if (!amount) return false;
    switch (static_cast<LimitKind>(i)) {
      case LimitKind::kWallTime:
        limits.wall_time = core::Microseconds(*amount);
        break;
      case LimitKind::kCpuTime:
        limits.cpu_time = core::Microseconds(*amount);
        break;
      case LimitKind::kMemory:
        limits.memory = core::Bytes(*amount);
        break;
      case LimitKind::kProcesses:
        limits.processes = *amount;
        break;
      case LimitKind::kOpenFiles:
        limits.open_files = *amount;
        break;
      case LimitKind::kNone:
        break;
    }
    return true;
  }
  return false;
}

}  // namespace reaper
