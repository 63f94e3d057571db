// SPDX-License-Identifier: Apache-2.0
// The types of option values: how each is called in help texts, what is
// expected of it, how it is checked and how a shell completes it.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/duration.h"
#include "core/ids.h"
#include "core/limit_terms.h"
#include "core/quantity.h"

namespace cli {

enum class ValueType : std::uint8_t {
  kFlag,  ///< no value
  kText,
  kName,        ///< of a job
  kAssignment,  ///< NAME=VALUE
  kFile,
  kDirectory,
  kUser,
  kEngine,
  kDuration,
  kSignal,
  kSignalOrNone,  ///< the same, or 0: none is sent
  kLimit,         ///< NAME=VALUE, several with commas between
  kLimitChange,   ///< the same, or NAME=none
  kReport,        ///< text or json; the value may be left out
  kJob,           ///< jid, name or 'self'
  kProgram,
  kShell,
  kCount,   ///< a number above 0
  kSize,    ///< bytes
  kUseKey,  ///< what use is summed up by
  kDay,     ///< YYYY-MM-DD
  kTime,    ///< of a day, or "@" and seconds since 1970
  kAttachMode,
  kNesting,
  kStragglers,
  kArray,  ///< indices of a job array
  kTag,
  kChargeName,      ///< of a project or an account
  kProcess,         ///< its pid
  kSessionWord,     ///< what corral session does
  kAccountingWord,  ///< what corral accounting does
  kRecordKind,      ///< a kind of accounting records
  kJid,
};

/// How a shell completes a value.
enum class Completion : std::uint8_t {
  kNothing,
  kChoices,
  kFiles,
  kDirectories,
  kUsers,
  kJobs,
  kPrograms,
};

struct ValueTypeRow {
  ValueType type;
  std::string_view placeholder;  ///< in help: NAME
  std::string_view expectation;  ///< "a duration such as 500ms, 30s, 5m or 2h"
  bool (*is_good)(std::string_view);  ///< null: anything but the empty text
  Completion completion = Completion::kNothing;
  // NOLINTBEGIN(readability-redundant-member-init): g++ wants it
  std::string_view choices = {};  ///< separated by spaces
  /// The value that stands for a bare option; empty: a value must follow.
  std::string_view implied = {};
  /// The placeholder does not tell what is expected: the manual does.
  bool has_rule = false;
  /// Which part is wrong and what was expected of it; null: `expectation` says
  /// enough.
  std::string (*fault)(std::string_view) = nullptr;
  // NOLINTEND(readability-redundant-member-init)
};

[[nodiscard]] const ValueTypeRow& row_of(ValueType type);

/// "500ms", "30s", "5m", "2h", "1d", "1h30m"; a bare number is seconds.
using core::parse_duration;
/// "TERM", "SIGTERM", "15", "RTMIN+3"; any case.
[[nodiscard]] std::optional<core::SignalNumber> parse_signal(
    std::string_view text);
/// Likewise, or "0", which is none (kill(2)).
[[nodiscard]] std::optional<core::SignalNumber> parse_signal_or_none(
    std::string_view text);
/// Local midnight of YYYY-MM-DD, in microseconds since 1970.
[[nodiscard]] std::optional<std::uint64_t> parse_day(std::string_view text);
/// "YYYY-MM-DD", "YYYY-MM-DD HH:MM", "YYYY-MM-DD HH:MM:SS", all local time,
/// or "@" and seconds since 1970; in microseconds since 1970.
[[nodiscard]] std::optional<std::uint64_t> parse_time(std::string_view text);
/// "cpu=30s,memory=none" (core/limit_terms_text.h); or what is wrong with it.
[[nodiscard]] std::expected<std::vector<core::LimitChange>, std::string>
parse_limit_changes(std::string_view text);

}  // namespace cli
