// SPDX-License-Identifier: Apache-2.0
// How a limit is written, on a command line, in limits.toml and on the bus:
//
//   NAME=HARD  NAME=SOFT:HARD  NAME=SOFT:  NAME=none
//   and behind it, in any order:  /signal=SIGNAL  /action=SIGNAL  /grace=TIME
//
// What is written by terms_text() is read back as the same.
#pragma once

#include <cctype>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "core/duration.h"
#include "core/job_result.h"
#include "core/limit_faults.h"
#include "core/limit_terms.h"
#include "core/limit_text.h"
#include "core/number_text.h"
#include "core/try.h"

namespace core {

inline constexpr const char* kLimitTermsExpect =
    "NAME=HARD or NAME=SOFT:HARD with wall, cpu, idle (30s, 2h), memory, "
    "swap, virtual, file-size, core, locked, io-rate (64M), processes, "
    "threads, files, io-ops (100), cpu-rate (150%), cpu-set (0-2+5); then "
    "/signal=, /action=, /grace=";

namespace detail {

/// The text before the first `end`, which goes; all of it without one.
constexpr std::string_view take_before(std::string_view& text, char end) {
  const std::string_view part = text.substr(0, text.find(end));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

/// "0-2+5", with plus signs as commas stand between limits.
constexpr std::optional<std::uint64_t> parse_processors(std::string_view text) {
  std::uint64_t mask = 0;
  if (text.empty() || text.ends_with('+')) return std::nullopt;
  while (!text.empty()) {
    std::string_view range = take_before(text, '+');
    const bool is_range = range.contains('-');
    const auto first = parse_number(take_before(range, '-'), kHighestProcessor);
    const auto last = is_range ? parse_number(range, kHighestProcessor) : first;
    if (!first || !last || *first > *last) return std::nullopt;
    for (std::uint64_t i = *first; i <= *last; ++i)
      mask |= std::uint64_t{1} << i;
  }
  return mask;
}

}  // namespace detail

/// Processors as the kernel writes them, with this between ("0-2,5").
inline std::string processors_text(std::uint64_t mask, char between) {
  std::string text;
  for (unsigned i = 0; i < 64; ++i) {
    if ((mask >> i & 1U) == 0) continue;
    unsigned last = i;
    while (last < 63 && (mask >> (last + 1) & 1U) != 0)
      ++last;
    if (!text.empty()) text += between;
    text += std::to_string(i);
    if (last > i) text += "-" + std::to_string(last);
    i = last;
  }
  return text;
}

/// One bound in the unit of its kind.
constexpr std::optional<std::uint64_t> parse_bound(LimitKind kind,
                                                   std::string_view text) {
  const LimitUnit unit = row_of(kind).unit;
  if (text == "0" && may_be_zero(kind)) return 0;
  if (unit == LimitUnit::kProcessors) return detail::parse_processors(text);
  if (unit == LimitUnit::kPercent) {
    if (!text.ends_with('%')) return std::nullopt;
    text.remove_suffix(1);
  }
  const auto bound = parse_amount(unit, text);
  return bound && *bound <= largest_bound(kind) ? bound : std::nullopt;
}

namespace detail {

inline std::optional<SignalNumber> parse_any_case(std::string_view text) {
  std::string upper(text);
  for (char& c : upper)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return parse_signal(upper);
}

/// "signal=USR1"; false if it is nothing of the kind, or was said before.
inline bool parse_manner(LimitTerms& terms, std::string_view text) {
  const std::string_view key = take_before(text, '=');
  const auto put = [](SignalNumber& to, std::string_view name) {
    const auto signal = parse_any_case(name);
    if (!signal || to.raw() != 0) return false;
    to = *signal;
    return true;
  };
  if (!ends_jobs(terms.kind)) return false;
  if (key == "signal") return terms.soft && put(terms.signal, text);
  if (!terms.bound) return false;
  if (key == "action") return put(terms.action, text);
  if (key != "grace" || terms.grace) return false;
  terms.grace = parse_duration(text);
  return terms.grace.has_value();
}

}  // namespace detail

/// A limit; or which part of the text is wrong, and what was expected of it.
using TermsRead = std::expected<LimitTerms, std::string>;

namespace detail {

/// Why parse_bound() has nothing of it.
inline std::string fault_of_bound(LimitKind kind, std::string_view text) {
  if (text.empty())
    return "a bound of " + word_of_limit(kind) + " is missing, expected " +
           std::string(bound_expected(kind));
  if (parse_bound(kind, shape_of(text))) return fault_of_number(kind, text);
  return quoted(text) + " is no bound of " + word_of_limit(kind) +
         ", expected " + std::string(bound_expected(kind));
}

inline std::expected<std::uint64_t, std::string> read_bound(
    LimitKind kind, std::string_view text) {
  if (const auto bound = parse_bound(kind, text)) return *bound;
  return std::unexpected(fault_of_bound(kind, text));
}

/// "SOFT:HARD", "SOFT:" or "HARD".
inline TermsRead read_bounds(LimitKind kind, std::string_view text) {
  LimitTerms terms = {.kind = kind};
  std::string_view soft;
  if (text.contains(':') && kind != LimitKind::kCpuSet) {
    soft = take_before(text, ':');
    terms.soft = TRY(read_bound(kind, soft));
  }
  if (!text.empty() || !terms.soft) terms.bound = TRY(read_bound(kind, text));
  if (!is_in_order(terms))
    return std::unexpected(fault_of_order(kind, soft, text));
  return terms;
}

}  // namespace detail

/// A limit by its kind and what stands behind "NAME=".
inline TermsRead read_terms_value(LimitKind kind, std::string_view text) {
  if (text == "none") return LimitTerms{.kind = kind};
  std::string_view bounds = detail::take_before(text, '/');
  const bool has_manner = bounds.data() + bounds.size() != text.data();
  LimitTerms terms = TRY(detail::read_bounds(kind, bounds));
  if (has_manner && text.empty())  // "cpu=1/"
    return std::unexpected(fault_of_manner(terms, text, text));
  while (!text.empty()) {
    std::string_view value = detail::take_before(text, '/');
    if (detail::parse_manner(terms, value)) continue;
    const std::string_view key = detail::take_before(value, '=');
    return std::unexpected(fault_of_manner(terms, key, value));
  }
  return terms;
}

/// The same; nothing if it is none.
inline std::optional<LimitTerms> parse_terms_value(LimitKind kind,
                                                   std::string_view text) {
  const TermsRead terms = read_terms_value(kind, text);
  return terms ? std::optional(*terms) : std::nullopt;
}

inline std::optional<LimitKind> parse_limit_word(std::string_view word) {
  for (const LimitKind kind : kLimitKinds)
    if (word == row_of(kind).word) return kind;
  return std::nullopt;
}

/// "cpu=1h:2h/signal=USR1/grace=10s".
inline TermsRead read_terms(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos)
    return std::unexpected(detail::quoted(text) +
                           " has no '=', expected NAME=HARD or NAME=SOFT:HARD, "
                           "as in wall=30s");
  const std::string_view word = text.substr(0, equals);
  const auto kind = parse_limit_word(word);
  if (!kind)
    return std::unexpected("there is no limit " + detail::quoted(word) +
                           ", expected one of " + limit_words());
  return read_terms_value(*kind, text.substr(equals + 1));
}

/// The same; nothing if it is none.
inline std::optional<LimitTerms> parse_terms(std::string_view text) {
  const TermsRead terms = read_terms(text);
  return terms ? std::optional(*terms) : std::nullopt;
}

/// A bound as parse_bound() reads it.
inline std::string bound_text(LimitKind kind, std::uint64_t bound) {
  switch (row_of(kind).unit) {
    case LimitUnit::kMicroseconds:
      return std::to_string(bound) + "us";
    case LimitUnit::kPercent:
      return std::to_string(bound) + "%";
    case LimitUnit::kProcessors:
      return processors_text(bound, '+');
    default:
      return std::to_string(bound);
  }
}

/// The same for people: "3.000 s", "64.0 MiB", "150%", "0-2,5".
inline std::string shown_bound(LimitKind kind, std::uint64_t bound) {
  const LimitUnit unit = row_of(kind).unit;
  if (unit == LimitUnit::kProcessors) return processors_text(bound, ',');
  if (unit == LimitUnit::kPercent) return std::to_string(bound) + "%";
  return amount_text(unit, bound).c_str();
}

/// As parse_terms() reads it; "NAME=none" for no limit.
inline std::string terms_text(const LimitTerms& terms) {
  std::string text = std::string(row_of(terms.kind).word) + "=";
  if (terms.is_empty()) return text + "none";
  if (terms.soft) text += bound_text(terms.kind, *terms.soft) + ":";
  if (terms.bound) text += bound_text(terms.kind, *terms.bound);
  const auto add = [&text](const char* key, SignalNumber signal) {
    if (signal.raw() != 0)
      text += std::string(key) + std::to_string(signal.raw());
  };
  add("/signal=", terms.signal);
  add("/action=", terms.action);
  if (terms.grace)
    text += "/grace=" + std::to_string(terms.grace->raw()) + "us";
  return text;
}

/// All limits of a job with commas between; empty: none.
inline std::string terms_text(const JobLimits& limits, const TermsList& list) {
  std::string text;
  for (const LimitKind kind : kLimitKinds) {
    const LimitTerms terms = terms_of(limits, list, kind);
    if (terms.is_empty()) continue;
    if (!text.empty()) text += ',';
    text += terms_text(terms);
  }
  return text;
}

/// Several with commas between; those before the first bad one are put in.
inline bool parse_terms_list(JobLimits& limits, TermsList& list,
                             std::string_view text) {
  const std::string copy(text);
  for (const char* rest = copy.c_str(); rest != nullptr;) {
    const auto terms = parse_terms(take_part(rest));
    if (!terms) return false;
    set_terms(limits, list, *terms);
  }
  return true;
}

}  // namespace core
