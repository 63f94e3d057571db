// SPDX-License-Identifier: Apache-2.0
// `--limit NAME=VALUE`: how the bounds that a scope holds are read and written
// as text. The names are those of core/limits.h; the whole grammar is in
// core/limit_terms_text.h.
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

/// "500ms" is 500,000, "64M" 67,108,864. Nothing if it is not of that unit, 0
/// or too large to be meant.
constexpr std::optional<std::uint64_t> parse_amount(LimitUnit unit,
                                                    std::string_view text) {
  if (unit == LimitUnit::kMicroseconds) {
    const auto time = parse_duration(text);
    if (!time || time->raw() == 0) return std::nullopt;
    return time->raw();
  }
  constexpr char kSuffixes[] = "KMGT";
  std::size_t size = text.size();
  unsigned shift = 0;
  for (unsigned i = 0; unit == LimitUnit::kBytes && i < 4 && size > 0; ++i) {
    if (text[size - 1] != kSuffixes[i]) continue;
    shift = 10 * (i + 1);
    --size;
    break;
  }
  const auto number = parse_number({text.begin(), text.begin() + size},
                                   kLargestAmount >> shift);
  if (!number || *number == 0) return std::nullopt;
  return *number << shift;
}

/// Puts "NAME=VALUE" into the limits; false if it is none. The last one of a
/// name counts.
constexpr bool parse_limit(JobLimits& limits, std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) return false;
  for (int i = 1; i <= static_cast<int>(kLastOfScope); ++i) {
    const LimitRow row = row_of(static_cast<LimitKind>(i));
    if (row.word != std::string_view(text.begin(), text.begin() + equals))
      continue;
    const auto amount =
        parse_amount(row.unit, {text.begin() + equals + 1, text.end()});
    if (!amount || (static_cast<LimitKind>(i) == LimitKind::kProcesses &&
                    *amount > kMostProcesses))
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
