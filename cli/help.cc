// SPDX-License-Identifier: Apache-2.0
#include "cli/help.h"

#include <cctype>

#include "cli/csa/published_command.h"

namespace cli {
namespace {

constexpr std::size_t kHelpColumn = 28;
constexpr std::size_t kWidth = 80;

/// Appends `text` in lines of at most kWidth, each after `indent` spaces; the
/// first line goes on where the last one of `out` ends.
void append_wrapped(std::string& out, std::string_view text,
                    std::size_t indent) {
  std::size_t column = indent;
  bool is_first = true;
  while (!text.empty()) {
    const std::size_t length = std::min(text.find(' '), text.size());
    if (!is_first && column + 1 + length > kWidth) {
      out.append("\n").append(indent, ' ');
      column = indent;
      is_first = true;
    }
    if (!is_first) out += ' ';
    column += length + (is_first ? 0 : 1);
    is_first = false;
    out.append(text.substr(0, length));
    text.remove_prefix(std::min(length + 1, text.size()));
  }
  out += '\n';
}

/// A term in the left column and its text in the right one.
void append_entry(std::string& out, const std::string& term,
                  std::string_view text) {
  std::string line = "  " + term;
  if (line.size() + 2 > kHelpColumn) line += "\n";
  const std::size_t start = line.rfind('\n') + 1;  // 0 if there is none
  line.append(kHelpColumn - (line.size() - start), ' ');
  out += line;
  append_wrapped(out, text, kHelpColumn);
}

/// Descriptions carry the manual's marks: *bold* and _underlined_. Within a
/// word an underline is its own.
std::string without_marks(std::string_view text) {
  const auto is_in_word = [text](std::size_t at) {
    return at > 0 && at + 1 < text.size() &&
           std::isalnum(static_cast<unsigned char>(text[at - 1])) != 0 &&
           std::isalnum(static_cast<unsigned char>(text[at + 1])) != 0;
  };
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at)
    if (text[at] != '*' && (text[at] != '_' || is_in_word(at)))
      plain += text[at];
  return plain;
}

/// What a placeholder does not tell by its name.
std::string rule_of(const OptionRow& row) {
  const ValueTypeRow& type = row_of(row.type);
  if (!type.has_rule) return {};
  return ". " + std::string(type.placeholder) + ": " +
         std::string(type.expectation);
}

}  // namespace

std::string usage_of(const Command& command) {
  std::string usage = "corral " + std::string(command.name) + " [OPTIONS]";
  const std::string noun(row_of(command.operands.type).placeholder);
  if (!command.operands.usage.empty())
    return usage + " " + std::string(command.operands.usage);
  switch (command.operands.count) {
    case Operands::kNone:
      return usage;
    case Operands::kOne:
      return usage + " " + noun;
    case Operands::kOneOrMore:
      return usage + " " + noun + "...";
    case Operands::kAny:
      return usage + " [" + noun + "...]";
    case Operands::kProgram:
      return usage + " [--] " + noun + " [ARGUMENTS...]";
  }
  return usage;
}

std::string spelling_of(const OptionRow& row) {
  std::string spelling;
  if (row.letter != '\0') spelling = std::string("-") + row.letter + ", ";
  spelling.append("--").append(row.name);
  const ValueTypeRow& type = row_of(row.type);
  if (row.type == ValueType::kFlag) return spelling;
  if (!type.implied.empty())
    return spelling + "[=" + std::string(type.placeholder) + "]";
  return spelling + " " + std::string(type.placeholder);
}

std::string sentence_of(const OptionRow& row) {
  std::string sentence(row.help);
  if (!row.fallback.empty())
    sentence.append(" (default: ").append(row.fallback).append(")");
  if (row.repeat == Repeat::kAllCount) sentence += "; may be repeated";
  return sentence;
}

std::string help_text() {
  std::string text =
      "corral: runs programs as jobs that nothing escapes, and tells how they "
      "ended\n\nUsage: corral COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands:\n";
  for (const Command& command : commands())
    append_entry(text, std::string(command.name), command.summary);
  text +=
      "\nOptions:\n"
      "  -h, --help                Show this help and exit\n"
      "      --version             Show the version and exit\n"
      "\nAccounting commands of CSA, by their own names:\n  ";
  std::string names;
  for (const PublishedCommand& command : published_commands())
    names.append(names.empty() ? "" : " ").append(command.name);
  append_wrapped(text, names, 2);
  text += "\n'corral COMMAND --help' tells more; so does 'man corral'.\n";
  return text;
}

std::string help_text(const Command& command) {
  std::string text = "Usage: " + usage_of(command) + "\n\n";
  const std::string description = without_marks(command.description);
  for (std::string_view rest = description; !rest.empty();) {
    const std::size_t end = std::min(rest.find("\n\n"), rest.size());
    if (rest.data() != description.data()) text += '\n';
    append_wrapped(text, rest.substr(0, end), 0);
    rest.remove_prefix(std::min(end + 2, rest.size()));
  }
  text += "\nOptions:\n";
  for (const OptionRow& row : command.options)
    append_entry(text, (row.letter == '\0' ? "    " : "") + spelling_of(row),
                 sentence_of(row) + rule_of(row));
  text += "\nExamples:\n";
  for (const Example& example : command.examples)
    text.append("  ")
        .append(example.line)
        .append("\n      ")
        .append(std::string(example.meaning) + "\n");
  return text;
}

}  // namespace cli
