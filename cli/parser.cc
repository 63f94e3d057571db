// SPDX-License-Identifier: Apache-2.0
#include "cli/parser.h"

#include <algorithm>
#include <vector>

#include "cli/cli11.h"
#include "cli/suggestion.h"

namespace cli {
namespace {

using CLI::detail::Classifier;

std::string in_ticks(std::string_view text) {
  return "'" + std::string(text) + "'";
}

/// CLI11's form of both names; `implied` stands for a missing value.
std::string spelled(const OptionRow& row, std::string_view implied = {}) {
  const std::string value =
      implied.empty() ? "" : "{" + std::string(implied) + "}";
  std::string names = "--" + std::string(row.name) + value;
  if (row.letter != '\0')
    names.insert(0, std::string("-") + row.letter + value + ",");
  return names;
}

/// Could this word be, or hold, the option? May say yes too often.
bool may_mention(std::string_view word, const OptionRow& row) {
  if (word.size() < 2 || word[0] != '-') return false;
  if (word[1] == '-') return word.substr(2).starts_with(row.name);
  return row.letter != '\0' && word.contains(row.letter);
}

/// `words` with each value that stands behind one dash (OptionRow) in its
/// option's long form: -9 becomes --signal=9.
std::vector<std::string> in_long_form(const Command& command,
                                      std::span<const char* const> words) {
  std::vector<std::string> spelled_out(words.begin(), words.end());
  const auto row =
      std::ranges::find_if(command.options, &OptionRow::takes_dashed_value);
  if (row == command.options.end()) return spelled_out;
  for (std::string& word : spelled_out) {
    if (word == "--") break;
    if (word.size() < 2 || word[0] != '-') continue;
    const std::string value = word.substr(1);
    if (row_of(row->type).is_good(value))
      word = "--" + std::string(row->name) + "=" + value;
  }
  return spelled_out;
}

/// A CLI11 application with those options of one command that are mentioned:
/// each costs time at every start.
class OneCommand : public CLI::App {
 public:
  OneCommand(const Command& command, std::span<const std::string> words)
      : command_(command) {
    set_help_flag();
    allow_extras();
    prefix_command(command.operands.count == Operands::kProgram);
    added_.reserve(command.options.size());
    for (const OptionRow& row : command.options) {
      const bool is_mentioned = std::ranges::any_of(
          words,
          [&row](const std::string& word) { return may_mention(word, row); });
      added_.push_back(is_mentioned ? add(row) : nullptr);
    }
  }

  std::expected<Arguments, Misuse> take(std::vector<std::string> words) {
    std::ranges::reverse(words);  // as CLI11 wants them
    parse(words);
    Arguments arguments;
    for (std::size_t i = 0; i < added_.size(); ++i) {
      if (added_[i] == nullptr) continue;
      if (auto misuse = collect(command_.options[i], *added_[i], arguments))
        return std::unexpected(*misuse);
    }
    if (arguments.has("help")) return arguments;
    if (auto misuse = check_pairs(arguments)) return std::unexpected(*misuse);
    if (auto misuse = collect_operands(arguments))
      return std::unexpected(*misuse);
    return arguments;
  }

 private:
  CLI::Option* add(const OptionRow& row) {
    const std::string_view implied = row_of(row.type).implied;
    CLI::Option* option = nullptr;
    if (row.type == ValueType::kFlag) {
      option = add_flag(spelled(row));
    } else if (!implied.empty()) {
      option = add_flag(spelled(row, implied));
    } else {
      option = add_option(spelled(row));
      option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }
    return option;
  }

  static std::optional<Misuse> collect(const OptionRow& row,
                                       const CLI::Option& option,
                                       Arguments& arguments) {
    if (option.count() == 0) return std::nullopt;
    const ValueTypeRow& type = row_of(row.type);
    for (const std::string& value : option.results()) {
      if (row.type == ValueType::kFlag) break;
      const bool is_good =
          type.is_good != nullptr ? type.is_good(value) : !value.empty();
      if (!is_good)
        return Misuse{"option '--" + std::string(row.name) +
                      "' has the value " + in_ticks(value) +
                      (type.fault != nullptr
                           ? ": " + type.fault(value)
                           : "; expected " + std::string(type.expectation))};
    }
    arguments.add(row.name, option.results());
    return std::nullopt;
  }

  [[nodiscard]] std::optional<Misuse> check_pairs(
      const Arguments& arguments) const {
    for (const OptionPair& pair : command_.pairs) {
      if (!arguments.has(pair.one)) continue;
      if (arguments.has(pair.other) == pair.is_needed) continue;
      return Misuse{"option '--" + std::string(pair.one) +
                    (pair.is_needed ? "' needs '--" : "' excludes '--") +
                    std::string(pair.other) + "'"};
    }
    return std::nullopt;
  }

  std::optional<Misuse> collect_operands(Arguments& arguments) const {
    std::vector<std::string> operands;
    bool are_options_over = false;
    for (const auto& [kind, word] : missing_) {
      if (!are_options_over && kind == Classifier::POSITIONAL_MARK) {
        are_options_over = true;
        continue;
      }
      const bool is_option =
          kind == Classifier::LONG || kind == Classifier::SHORT;
      if (!are_options_over && is_option) return unknown_option(word);
      operands.push_back(word);
      if (command_.operands.count == Operands::kProgram)
        are_options_over = true;
    }
    if (auto misuse = check_count(operands)) return misuse;
    arguments.set_operands(std::move(operands));
    return std::nullopt;
  }

  [[nodiscard]] Misuse unknown_option(const std::string& word) const {
    const std::string name = word.substr(0, word.find('='));
    std::vector<std::string> spellings;
    for (const OptionRow& row : command_.options)
      spellings.push_back("--" + std::string(row.name));
    const std::vector<std::string_view> known(spellings.begin(),
                                              spellings.end());
    std::string hint = did_you_mean(name, known);
    if (hint.empty())
      hint = "; 'corral " + std::string(command_.name) +
             " --help' shows those that there are";
    return Misuse{"unknown option " + in_ticks(name) + hint};
  }

  [[nodiscard]] std::optional<Misuse> check_count(
      const std::vector<std::string>& operands) const {
    const OperandRow& row = command_.operands;
    const std::string_view noun = row_of(row.type).placeholder;
    std::size_t most = operands.size();
    if (row.count == Operands::kNone) most = 0;
    if (row.count == Operands::kOne) most = 1;
    if (operands.size() > most)
      return Misuse{"unexpected argument " + in_ticks(operands[most]) +
                    (most == 0 ? "; expected none" : "; expected one ") +
                    (most == 0 ? "" : std::string(noun))};
    if (operands.empty() && row.count != Operands::kNone &&
        row.count != Operands::kAny)
      return Misuse{"a " + std::string(noun) +
                    " is missing: " + std::string(row.help)};
    return std::nullopt;
  }

  const Command& command_;
  std::vector<CLI::Option*> added_;  ///< by row; null: not mentioned
};

/// CLI11's complaint as a sentence of ours.
Misuse misuse_of(const Command& command, const CLI::ParseError& error) {
  std::string text = error.what();
  if (error.get_name() == "ArgumentMismatch") {
    const std::string option = text.substr(0, text.find(':'));
    text = "option '" + option + "' needs a value";
  }
  return Misuse{text + "; see 'corral " + std::string(command.name) +
                " --help'"};
}

/// The arguments of `run -- make` and `run make`, where there is no option to
/// parse: the common case starts without CLI11.
std::optional<Arguments> parse_bare_program(
    const Command& command, std::span<const char* const> words) {
  if (command.operands.count != Operands::kProgram || words.empty())
    return std::nullopt;
  const std::string_view first = words[0];
  if (first == "--") words = words.subspan(1);
  if (words.empty() || (first != "--" && first.starts_with("-")))
    return std::nullopt;
  Arguments arguments;
  arguments.set_operands({words.begin(), words.end()});
  return arguments;
}

}  // namespace

std::expected<Arguments, Misuse> parse(const Command& command,
                                       std::span<const char* const> words) {
  if (auto arguments = parse_bare_program(command, words)) return *arguments;
  try {
    std::vector<std::string> spelled_out = in_long_form(command, words);
    return OneCommand(command, spelled_out).take(std::move(spelled_out));
  } catch (const CLI::ParseError& error) {
    return std::unexpected(misuse_of(command, error));
  }
}

}  // namespace cli
