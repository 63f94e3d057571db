// SPDX-License-Identifier: Apache-2.0
// The commands of the published CSA, by their names and option letters: one
// row each, from which come the parser, the help, the manual and the
// completions. `corral NAME` and a link NAME to corral are the same.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "accounting/text/command_line.h"
#include "accounting/text/console.h"

namespace cli {

struct LetterRow {
  char letter;
  std::string_view argument;  ///< its placeholder; "": a switch
  std::string_view help;      ///< one sentence, no final period
};

struct PublishedCommand {
  std::string_view name;
  std::string_view section;  ///< of the manual: 1 or 8
  std::string_view summary;
  std::string_view description;
  std::span<const LetterRow> letters;
  std::string_view operands;  ///< as in a usage line; "": none
  /// What the published command says about a letter that it does not know;
  /// each '%' stands for the program's name. "": what help says.
  std::string_view usage;
  int (*run)(const accounting::CommandLine&, accounting::Console&);
  /// What the published command takes for options, and says of a wrong one.
  enum class Form : std::uint8_t {
    kLetters,       ///< getopt(3)
    kNamesUnknown,  ///< likewise, and a sentence of its own
    kLongNames,     ///< getopt_long(3)
    kNone,          ///< no word is an option
  };
  Form form = Form::kLetters;
  std::span<const accounting::LongName> long_names = {};
};

[[nodiscard]] std::span<const PublishedCommand> published_commands();
/// Null if there is none of that name.
[[nodiscard]] const PublishedCommand* find_published(std::string_view name);

/// Runs it on the words behind its name; returns the exit code.
[[nodiscard]] int run_published(const PublishedCommand& command,
                                std::span<const char* const> words);

/// Its letters, as getopt(3) takes them.
[[nodiscard]] std::string getopt_letters(const PublishedCommand& command);

[[nodiscard]] std::string published_help(const PublishedCommand& command);

}  // namespace cli
