// SPDX-License-Identifier: Apache-2.0
// What is wrong with the text of a limit, in one sentence that names the part
// and what was expected of it. Beside the grammar in core/limit_terms_text.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/limit_terms.h"
#include "core/number_text.h"

namespace core {

/// A set of processors is 64 bits.
inline constexpr std::uint64_t kHighestProcessor = 63;

namespace detail {

inline std::string quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
}

inline std::string word_of_limit(LimitKind kind) {
  return quoted(row_of(kind).word);
}

/// What a bound of this kind looks like.
constexpr std::string_view bound_expected(LimitKind kind) {
  switch (row_of(kind).unit) {
    case LimitUnit::kMicroseconds:
      return "a time such as 30s, 2h or 1h30m";
    case LimitUnit::kBytes:
      return "a size such as 512K, 64M or 2G";
    case LimitUnit::kPercent:
      return "a part of one processor such as 50% or 150%";
    case LimitUnit::kProcessors:
      return "processors such as 0-2+5";
    default:
      return "a number such as 100";
  }
}

/// The largest bound of the kind, as it can be written.
inline std::string largest_text(LimitKind kind) {
  switch (row_of(kind).unit) {
    case LimitUnit::kMicroseconds:
      return "3650d";
    case LimitUnit::kPercent:
      return std::to_string(largest_bound(kind)) + "%";
    default:
      return std::to_string(largest_bound(kind));
  }
}

/// "1h30m" is "1h1m": what remains is how it is written.
inline std::string shape_of(std::string_view text) {
  std::string shape;
  for (const char c : text) {
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit)
      shape += c;
    else if (shape.empty() || shape.back() != '1')
      shape += '1';
  }
  return shape;
}

/// Whether a number in it is above kHighestProcessor.
constexpr bool has_high_processor(std::string_view set) {
  while (!set.empty()) {
    const std::size_t size = std::min(set.find_first_of("-+"), set.size());
    if (!parse_number(set.substr(0, size), kHighestProcessor)) return true;
    set.remove_prefix(std::min(size + 1, set.size()));
  }
  return false;
}

/// A bound whose numbers are wrong, not how they are written.
inline std::string fault_of_number(LimitKind kind, std::string_view text) {
  const std::string bound = quoted(text) + " is ";
  const bool is_set = row_of(kind).unit == LimitUnit::kProcessors;
  if (is_set && has_high_processor(text))
    return bound + "too high for " + word_of_limit(kind) +
           ", expected processors from 0 to " +
           std::to_string(kHighestProcessor) + ", the first 64 of a machine";
  if (is_set) return bound + "a range that ends before it begins";
  if (text.find_first_of("123456789") == std::string_view::npos)
    return bound + "too little for " + word_of_limit(kind) +
           ", expected more than 0";
  return bound + "too much for " + word_of_limit(kind) + ", expected at most " +
         largest_text(kind);
}

}  // namespace detail

/// The names of all kinds with commas between.
inline std::string limit_words() {
  std::string words;
  for (const LimitKind kind : kLimitKinds)
    words += (words.empty() ? "" : ", ") + std::string(row_of(kind).word);
  return words;
}

/// A soft bound that is above the hard one.
inline std::string fault_of_order(LimitKind kind, std::string_view soft,
                                  std::string_view hard) {
  return "the soft bound " + detail::quoted(soft) + " of " +
         detail::word_of_limit(kind) + " is above the hard one, " +
         detail::quoted(hard);
}

/// What stands behind a slash and cannot: `key` is "signal", "action", "grace"
/// or something else.
inline std::string fault_of_manner(const LimitTerms& terms,
                                   std::string_view key,
                                   std::string_view value) {
  const std::string what = "'/" + std::string(key) + "' ";
  const std::string word = row_of(terms.kind).word;
  const bool is_signal = key == "signal" || key == "action";
  if (!is_signal && key != "grace")
    return what +
           "is not known, expected /signal=SIGNAL, /action=SIGNAL or "
           "/grace=TIME behind a limit";
  if (!ends_jobs(terms.kind))
    return what +
           "is for wall, cpu, memory and idle, over which jobs end, "
           "not for '" +
           word + "'";
  if (key == "signal" && !terms.soft)
    return what + "is sent over a soft bound, and there is none, expected '" +
           word + "=SOFT:HARD/signal=...' or '" + word + "=SOFT:/signal=...'";
  if (key != "signal" && !terms.bound)
    return what +
           "is for the end over a hard bound, and there is none, "
           "expected '" +
           word + "=SOFT:HARD/" + std::string(key) + "=...'";
  const bool is_there = key == "signal"   ? terms.signal.raw() != 0
                        : key == "action" ? terms.action.raw() != 0
                                          : terms.grace.has_value();
  if (is_there) return what + "is said twice";
  if (is_signal)
    return what + "has " + detail::quoted(value) +
           ", expected a signal such as TERM, SIGUSR1 or 15";
  return what + "has " + detail::quoted(value) +
         ", expected a time such as 500ms or 30s";
}

}  // namespace core
