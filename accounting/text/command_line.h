// SPDX-License-Identifier: Apache-2.0
// What a published command was called with: option letters in their order,
// as getopt(3) has them, and operands.
#pragma once

#include <algorithm>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace accounting {

struct CommandLine {
  std::string program;  ///< as it names itself in messages
  std::vector<std::pair<char, std::string>> options;
  std::vector<std::string> operands;

  [[nodiscard]] int count(char letter) const {
    return static_cast<int>(std::ranges::count(
        options, letter, [](const auto& option) { return option.first; }));
  }
  [[nodiscard]] bool has(char letter) const { return count(letter) > 0; }
  /// The argument that counts, the last; null: the option was not given.
  [[nodiscard]] const std::string* value(char letter) const {
    const std::string* found = nullptr;
    for (const auto& [name, argument] : options)
      if (name == letter) found = &argument;
    return found;
  }
};

enum class GetoptTalk : std::uint8_t { kSilent, kTells };

/// A long name of a letter that takes no argument.
struct LongName {
  const char* name;
  char letter;
};

/// What options look like. `has_long_names`: words of two dashes are looked up
/// in `long_names`, as getopt_long(3) does, be there any or not.
struct OptionForm {
  std::string letters;
  bool has_long_names = false;
  std::span<const LongName> long_names = {};
};

/// Sorts the words behind a program's name by `form`, as getopt(3) has them.
/// The error is the letter that is unknown or lacks its argument, '-' or '\0'
/// for a long name; getopt has said which, if it tells. Not for two threads at
/// a time.
[[nodiscard]] std::expected<CommandLine, char> sort_words(
    const std::string& program, const OptionForm& form,
    std::span<const std::string> words, GetoptTalk talk);

/// What a command returns to be told apart from its exit codes: its letters
/// contradict each other, and the caller says how it is used.
inline constexpr int kWrongUse = -1000;

}  // namespace accounting
