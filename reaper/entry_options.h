// SPDX-License-Identifier: Apache-2.0
// How the values of an entrypoint's options are read. The rows of the table are
// in reaper/options.h.
#pragma once

#include <signal.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/quantity.h"
#include "reaper/entry_rules.h"
#include "reaper/number_text.h"

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

/// Calls `add` for each part of a list with commas between.
template <bool (*add)(EntryRules&, std::string_view)>
bool add_each(EntryRules& rules, const char* value) {
  std::string_view rest(value);
  for (;;) {
    const std::size_t comma = rest.find(',');
    const std::size_t size = comma == rest.npos ? rest.size() : comma;
    if (!add(rules, {rest.data(), size})) return false;
    if (comma == rest.npos) return true;
    rest.remove_prefix(size + 1);
  }
}

/// A signal that can come to us: the kernel delivers two others by itself.
inline std::optional<core::SignalNumber> parse_caught(std::string_view text) {
  const auto signal = parse_signal(text);
  if (signal && (signal->raw() == SIGKILL || signal->raw() == SIGSTOP))
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
  const auto signal = parse_signal(value);
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
  if (colon == text.npos) return false;
  const auto from = parse_caught({text.data(), colon});
  const std::string_view name(text.data() + colon + 1, text.size() - colon - 1);
  const auto to = name == "0" ? core::SignalNumber() : parse_signal(name);
  return from && to &&
         add_replacement(rules.signals, rules.signal_count,
                         {static_cast<std::uint8_t>(from->raw()),
                          static_cast<std::uint8_t>(to->raw())});
}

/// "143:0"; "143" alone is "143:0", as tini's -e.
inline bool add_code(EntryRules& rules, std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::size_t size = colon == text.npos ? text.size() : colon;
  const auto from = parse_number({text.data(), size}, 255);
  const auto to =
      colon == text.npos
          ? 0
          : parse_number({text.data() + size + 1, text.size() - size - 1}, 255);
  return from && to &&
         add_replacement(rules.codes, rules.code_count,
                         {static_cast<std::uint8_t>(*from),
                          static_cast<std::uint8_t>(*to)});
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
