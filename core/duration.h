// SPDX-License-Identifier: Apache-2.0
// A duration as people write it: "500ms", "8s", "1m30s", "2h"; a bare number is
// of seconds. One grammar for every program. Pure and allocation free.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/quantity.h"

namespace core {

/// Longer than any machine runs, and far from overflow.
inline constexpr std::uint64_t kLongestDuration = 3650 * 86'400'000'000U;

namespace detail {

/// A unit's name as a number, for one comparison and no pointers.
consteval std::uint32_t packed(std::string_view name) {
  std::uint32_t number = 0;
  for (const char c : name)
    number = number << 8U | static_cast<unsigned char>(c);
  return number;
}

struct DurationUnit {
  std::uint32_t name;
  std::uint32_t microseconds;
};
// NOLINTBEGIN(modernize-use-designated-initializers): a table
inline constexpr DurationUnit kDurationUnits[] = {
    {packed("us"), 1},          {packed("ms"), 1000},
    {packed("s"), 1'000'000},   {packed(""), 1'000'000},
    {packed("m"), 60'000'000},  {packed("min"), 60'000'000},
    {packed("h"), 3600000000U}, {packed("d"), 3600000000U},
};
// NOLINTEND(modernize-use-designated-initializers)

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// One number with its unit off the front of `text`.
constexpr std::optional<std::uint64_t> take_amount(std::string_view& text) {
  std::uint64_t number = 0;
  std::size_t at = 0;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    number = number * 10 + static_cast<std::uint64_t>(text[at] - '0');
    if (number > kLongestDuration) return std::nullopt;
  }
  const std::size_t digits = at;
  std::uint32_t name = 0;
  for (; at < text.size() && !is_digit(text[at]); ++at)
    name = name << 8U | static_cast<unsigned char>(text[at]);
  if (digits == 0 || at > digits + 3) return std::nullopt;
  text.remove_prefix(at);
  for (const DurationUnit& unit : kDurationUnits) {
    if (unit.name != name) continue;
    const std::uint64_t factor =
        std::uint64_t{unit.microseconds} * (name == packed("d") ? 24 : 1);
    if (number > kLongestDuration / factor) return std::nullopt;
    return number * factor;
  }
  return std::nullopt;
}

}  // namespace detail

/// Nothing if `text` is none, or longer than kLongestDuration.
constexpr std::optional<Microseconds> parse_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::uint64_t sum = 0;
  while (!text.empty()) {
    const auto amount = detail::take_amount(text);
    if (!amount) return std::nullopt;
    sum += *amount;
    if (sum > kLongestDuration) return std::nullopt;
  }
  return Microseconds(sum);
}

}  // namespace core
