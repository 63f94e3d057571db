// SPDX-License-Identifier: Apache-2.0
#include "cli/man_text.h"

#include "cli/csa/published_pages.h"
#include "cli/help.h"

namespace cli {
namespace {

std::string escaped(std::string_view text) {
  return scdoc_escaped(text);
}

std::string bold(std::string_view text) {
  return "*" + escaped(text) + "*";
}

std::string underlined(std::string_view text) {
  return "_" + escaped(text) + "_";
}

std::string option_term(const OptionRow& row) {
  std::string term;
  if (row.letter != '\0') term = bold(std::string("-") + row.letter) + ", ";
  term += bold("--" + std::string(row.name));
  const ValueTypeRow& type = row_of(row.type);
  if (row.type == ValueType::kFlag) return term;
  if (!type.implied.empty())
    return term + "[=" + underlined(type.placeholder) + "]";
  return term + " " + underlined(type.placeholder);
}

std::string rule_of(const OptionRow& row) {
  const ValueTypeRow& type = row_of(row.type);
  if (!type.has_rule) return {};
  return ". " + underlined(type.placeholder) + " is " +
         escaped(type.expectation);
}

/// A term and its text, indented as scdoc's lists of options are.
void append_entry(std::string& text, const std::string& term,
                  const std::string& meaning) {
  text += term + "\n\t" + meaning + ".\n\n";
}

std::string usage_line(const Command& command) {
  const std::string noun(row_of(command.operands.type).placeholder);
  std::string usage =
      bold("corral " + std::string(command.name)) + " [_OPTIONS_]";
  if (!command.operands.usage.empty())
    return usage + " " + escaped(command.operands.usage);
  switch (command.operands.count) {
    case Operands::kNone:
      return usage;
    case Operands::kOne:
      return usage + " " + underlined(noun);
    case Operands::kOneOrMore:
      return usage + " " + underlined(noun) + "...";
    case Operands::kAny:
      return usage + " [" + underlined(noun) + "...]";
    case Operands::kProgram:
      return usage + " [*--*] " + underlined(noun) + " [_ARGUMENTS_...]";
  }
  return usage;
}

void append_command(std::string& text, const Command& command) {
  text += "## corral " + std::string(command.name) + "\n\n";
  text += usage_line(command) + "\n\n";
  text += std::string(command.description) + "\n\n";
  for (const OptionRow& row : command.options)
    append_entry(text, option_term(row),
                 escaped(sentence_of(row)) + rule_of(row));
  if (!command.exit_codes.empty()) text += "Exit codes of its own:\n\n";
  for (const ExitCode& code : command.exit_codes)
    append_entry(text, bold(code.code), escaped(code.meaning));
  if (!command.json_keys.empty()) text += "With *--json*:\n\n";
  for (const JsonKey& key : command.json_keys)
    append_entry(text, bold(key.key), std::string(key.meaning));
  text += "Examples:\n\n";
  for (const Example& example : command.examples)
    text += "\t" + escaped(example.line) + "\n\t\t" + escaped(example.meaning) +
            "\n\n";
}

std::string all_commands() {
  std::string text;
  for (const Command& command : commands())
    append_command(text, command);
  return text;
}

std::string exit_codes() {
  std::string text;
  for (const ExitCode& code : common_exit_codes())
    append_entry(text, bold(code.code), escaped(code.meaning));
  return text;
}

}  // namespace

std::string scdoc_escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '_' || c == '*' || c == '\\' || c == '#' || c == '<' || c == '>')
      result += '\\';
    result += c;
  }
  return result;
}

std::string man_text(std::string_view topic) {
  if (topic == "commands") return all_commands();
  if (topic == "exit-codes") return exit_codes();
  if (topic == "published-commands") return published_list();
  if (const PublishedCommand* const command = find_published(topic))
    return published_page(*command);
  return {};
}

}  // namespace cli
