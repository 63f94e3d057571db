// SPDX-License-Identifier: Apache-2.0
// How the values of an entrypoint's options are read. The rows of the table are
// in reaper/options.h.
#pragma once

#include <signal.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/number_text.h"
#include "core/quantity.h"
#include "reaper/entry_rules.h"

namespace reaper::entry_option {

constexpr std::optional<Target> parse_target(std::string_view text) {
  constexpr std::string_view kNames[] = {"main", "group", "job"};
  for (std::uint8_t i = 0; i < 3; ++i)
    if (kNames[i] == text) return static_cast<Target>(i);
  return std::nullopt;
}

template <Target EntryRules::* field>
bool set_target(EntryRules& rules, const char* value) {
  const auto target = parse_target(value);
  if (target) rules.*field = *target;
  return target.has_value();
}

/// Absolute: it is opened when we have left the caller's directory.
inline bool set_last_words(EntryRules& rules, const char* value) {
  rules.last_words = value;
  return value[0] == '/';
}

/// Calls `add` for each part of a list with commas between.
template <bool (*add)(EntryRules&, std::string_view)>
bool add_each(EntryRules& rules, const char* value) {
  while (value != nullptr)
    if (!add(rules, core::take_part(value))) return false;
  return true;
}

/// A signal that can come to us: the kernel delivers two others by itself, and
/// SIGCHLD is ours.
inline std::optional<core::SignalNumber> parse_caught(std::string_view text) {
  const auto signal = core::parse_signal(text);
  if (signal && (signal->raw() == SIGKILL || signal->raw() == SIGSTOP ||
                 signal->raw() == SIGCHLD))
    return std::nullopt;
  return signal;
}

inline bool add_stop_signal(EntryRules& rules, std::string_view text) {
  const auto signal = parse_caught(text);
  if (signal) rules.stop_signals.add(signal->raw());
  return signal.has_value();
}

/// "TERM,INT"; "none" is no signal.
inline bool set_stop_signals(EntryRules& rules, const char* value) {
  rules.stop_signals.clear();
  return std::string_view(value) == "none" ||
         add_each<add_stop_signal>(rules, value);
}

inline bool set_stop_with(EntryRules& rules, const char* value) {
  const auto signal = core::parse_signal(value);
  if (signal) rules.stop_with = *signal;
  return signal.has_value();
}

inline bool add_replacement(Replacement (&list)[EntryRules::kMostReplacements],
                            std::uint8_t& count, Replacement rule) {
  if (count == EntryRules::kMostReplacements) return false;
  list[count++] = rule;
  return true;
}

/// "HUP:QUIT", "15:RTMIN+3"; "USR1:0" drops it.
inline bool add_rewrite(EntryRules& rules, std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  const auto from = parse_caught({text.begin(), text.begin() + colon});
  const std::string_view name(text.begin() + colon + 1, text.end());
  const auto to = name == "0" ? core::SignalNumber() : core::parse_signal(name);
  return from && to &&
         add_replacement(rules.signals, rules.signal_count,
                         {.from = static_cast<std::uint8_t>(from->raw()),
                          .to = static_cast<std::uint8_t>(to->raw())});
}

/// "143:0"; "143" alone is "143:0", as tini's -e.
inline bool add_code(EntryRules& rules, std::string_view text) {
  const std::size_t size = std::min(text.find(':'), text.size());
  const auto from =
      core::parse_number({text.begin(), text.begin() + size}, 255);
  const auto to =
      size == text.size()
          ? 0
          : core::parse_number({text.begin() + size + 1, text.end()}, 255);
  return from && to &&
         add_replacement(rules.codes, rules.code_count,
                         {.from = static_cast<std::uint8_t>(*from),
                          .to = static_cast<std::uint8_t>(*to)});
}

inline bool add_rewrites(EntryRules& rules, const char* value) {
  return add_each<add_rewrite>(rules, value);
}
inline bool add_codes(EntryRules& rules, const char* value) {
  return add_each<add_code>(rules, value);
}

template <const char* EntryRules::* field>
bool set_text(EntryRules& rules, const char* value) {
  rules.*field = value;
  return value[0] != '\0';
}

inline bool set_quiet(EntryRules& rules, const char*) {
  rules.is_quiet = true;
  return true;
}

}  // namespace reaper::entry_option
