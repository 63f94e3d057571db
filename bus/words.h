// SPDX-License-Identifier: Apache-2.0
// The words of closed enumerations on the bus: one table each, read both ways.
// What core names already (states, reasons, engines) is only searched here.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/containment.h"
#include "core/job_control.h"
#include "core/job_event.h"
#include "core/job_machine.h"
#include "core/job_result.h"
#include "core/job_spec.h"
#include "core/kill_plan.h"

namespace bus {

constexpr std::string_view word_of(core::JobKind kind) {
  return core::name_of(kind);
}

constexpr std::string_view word_of(core::SignalTarget target) {
  switch (target) {
    case core::SignalTarget::kAll:
      return "all";
    case core::SignalTarget::kMain:
      return "main";
    case core::SignalTarget::kGroup:
      return "group";
  }
  return {};
}
constexpr std::optional<core::SignalTarget> parse_target(
    std::string_view word) {
  if (word == "all") return core::SignalTarget::kAll;
  if (word == "main") return core::SignalTarget::kMain;
  return std::nullopt;
}

/// The enumerator up to kLast whose name (core::name_of, core::word_of) is
/// `word`.
template <class Enum, class NameOf>
constexpr std::optional<Enum> parse_by_name(std::string_view word,
                                            NameOf name_of) {
  for (unsigned i = 0; i <= static_cast<unsigned>(Enum::kLast); ++i)
    if (name_of(static_cast<Enum>(i)) == word) return static_cast<Enum>(i);
  return std::nullopt;
}
constexpr std::optional<core::JobKind> parse_kind(std::string_view word) {
  return parse_by_name<core::JobKind>(
      word, [](core::JobKind kind) { return core::name_of(kind); });
}
constexpr std::optional<core::JobState> parse_state(std::string_view word) {
  return parse_by_name<core::JobState>(
      word, [](core::JobState state) { return core::name_of(state); });
}
constexpr std::optional<core::Freezing> parse_freezing(std::string_view word) {
  return parse_by_name<core::Freezing>(
      word, [](core::Freezing freezing) { return core::name_of(freezing); });
}
constexpr std::optional<core::Reason> parse_reason(std::string_view word) {
  return parse_by_name<core::Reason>(
      word, [](core::Reason reason) { return core::word_of(reason); });
}
constexpr std::optional<core::LaunchStage> parse_stage(std::string_view word) {
  return parse_by_name<core::LaunchStage>(
      word, [](core::LaunchStage stage) { return core::name_of(stage); });
}

constexpr std::optional<core::LimitKind> parse_limit_kind(
    std::string_view word) {
  return parse_by_name<core::LimitKind>(
      word, [](core::LimitKind kind) { return core::name_of(kind); });
}

}  // namespace bus
