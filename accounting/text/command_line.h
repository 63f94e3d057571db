// SPDX-License-Identifier: Apache-2.0
// What a published command was called with: option letters in their order,
// as getopt(3) has them, and operands.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
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

/// Sorts the words behind a program's name by `letters`, as getopt(3) has them.
/// Nothing: one of them is unknown, or its argument is missing; getopt has said
/// which, if it tells. Not for two threads at a time.
[[nodiscard]] std::optional<CommandLine> sort_words(
    const std::string& program, const std::string& letters,
    std::span<const std::string> words, GetoptTalk talk);

/// What a command returns to be told apart from its exit codes: its letters
/// contradict each other, and the caller says how it is used.
inline constexpr int kWrongUse = -1000;

}  // namespace accounting
