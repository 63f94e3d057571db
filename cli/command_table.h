// SPDX-License-Identifier: Apache-2.0
// The one table of commands. The parser, --help, the man page and the
// completions are all made from it, so that they cannot disagree.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "cli/value_types.h"

namespace cli {

class Arguments;

enum class Repeat : std::uint8_t { kLastCounts, kAllCount };

struct OptionRow {
  std::string_view name;  ///< without its dashes
  char letter = '\0';     ///< of the short form; 0: none
  ValueType type = ValueType::kFlag;
  std::string_view fallback;  ///< what holds without it, for people
  std::string_view help;      ///< one sentence, no final period
  Repeat repeat = Repeat::kLastCounts;
  /// A value behind one dash is the option too: -HUP and -9, as in kill(1).
  bool takes_dashed_value = false;
};

enum class Operands : std::uint8_t {
  kNone,
  kOne,
  kOneOrMore,
  kAny,
  kProgram,  ///< a program and its arguments: options end at the first
};

struct OperandRow {
  Operands count = Operands::kNone;
  ValueType type = ValueType::kText;
  std::string_view help;
  std::string_view usage = {};  ///< instead of what `type` and `count` say
  /// Operands that are words of the command, and what stands behind them, for
  /// completion.
  std::span<const std::string_view> words = {};
  ValueType behind = ValueType::kText;
};

/// Two options that exclude each other, or of which one needs the other.
struct OptionPair {
  std::string_view one;
  std::string_view other;
  bool is_needed = false;  ///< `one` needs `other`
};

struct Example {
  std::string_view line;
  std::string_view meaning;
};

struct ExitCode {
  std::string_view code;
  std::string_view meaning;
};

/// What a command prints under --json: a stable key and its meaning.
struct JsonKey {
  std::string_view key;
  std::string_view meaning;
};

using Handler = int (*)(const Arguments&);

struct Command {
  std::string_view name;
  std::string_view summary;      ///< a few words
  std::string_view description;  ///< paragraphs for the manual
  std::span<const OptionRow> options;
  std::span<const OptionPair> pairs;
  OperandRow operands;
  std::span<const Example> examples;
  std::span<const ExitCode> exit_codes;  ///< beside those of all commands
  std::span<const JsonKey> json_keys;
  Handler handler = nullptr;
};

/// All commands, in the order of help and manual.
[[nodiscard]] std::span<const Command> commands();
/// Null if there is none of that name.
[[nodiscard]] const Command* find_command(std::string_view name);
/// Exit codes that every command shares.
[[nodiscard]] std::span<const ExitCode> common_exit_codes();

}  // namespace cli
