// SPDX-License-Identifier: Apache-2.0
// Numbers, signals and lists as they stand on a command line. Allocation free.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/ids.h"
#include "core/job_result.h"
#include "core/text.h"

namespace core {

/// A whole decimal number of at most `most`.
[[gnu::noinline]] constexpr std::optional<std::uint64_t> parse_number(
    std::string_view text, std::uint64_t most) {
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (digit > most || value > (most - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

/// The number of a descriptor. False, and nothing changed, if it is none.
[[gnu::noinline]] constexpr bool parse_fd(int& fd, std::string_view text) {
  constexpr std::uint64_t kHighest = 1U << 20U;
  const auto number = parse_number(text, kHighest);
  if (number) fd = static_cast<int>(*number);
  return number.has_value();
}

/// "TERM", "SIGTERM", "SIGRTMIN+3", "RTMAX", "SIGRTMAX-1" or a number.
inline std::optional<SignalNumber> parse_signal(std::string_view text) {
  if (const auto number = parse_number(text, kMostSignal)) {
    if (*number == 0) return std::nullopt;
    return SignalNumber(static_cast<int>(*number));
  }
  if (text.starts_with("SIG")) text.remove_prefix(3);
  if (text.starts_with("RTMAX")) {
    text.remove_prefix(5);
    if (text.empty()) return SignalNumber(kMostSignal);
    if (text[0] != '-') return std::nullopt;
    text.remove_prefix(1);
    const auto below = parse_number(text, 30);
    if (!below) return std::nullopt;
    return SignalNumber(kMostSignal - static_cast<int>(*below));
  }
  Text<16> name("SIG");
  name.append(text);
  for (int number = 1; number <= kMostSignal; ++number)
    if (signal_name(number) == name.view()) return SignalNumber(number);
  return std::nullopt;
}

/// The next part of a list with commas between; `rest` is null behind the last.
[[gnu::noinline]] constexpr std::string_view take_part(const char*& rest) {
  const std::string_view text(rest);
  const std::size_t size = std::min(text.find(','), text.size());
  rest = size == text.size() ? nullptr : rest + size + 1;
  return {text.begin(), text.begin() + size};
}

}  // namespace core
