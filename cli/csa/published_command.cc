// SPDX-License-Identifier: Apache-2.0
#include "cli/csa/published_command.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <vector>

#include "cli/csa/published_letters.h"
#include "cli/csa/toml_forms.h"
#include "cli/output.h"

namespace cli {

namespace {

std::string usage_text(const PublishedCommand& command) {
  if (command.usage.empty()) return published_help(command);
  std::string text;
  for (const char c : command.usage)
    if (c == '%')
      text += command.name;
    else
      text += c;
  return text + "\n";
}

}  // namespace

std::string getopt_letters(const PublishedCommand& command) {
  std::string letters;
  for (const LetterRow& row : command.letters) {
    letters += row.letter;
    if (!row.argument.empty()) letters += ':';
  }
  return letters;
}

namespace {

std::expected<accounting::CommandLine, char> sorted_words(
    const PublishedCommand& command, std::span<const char* const> words) {
  using Form = PublishedCommand::Form;
  const std::string name(command.name);
  const std::vector<std::string> copies(words.begin(), words.end());
  if (command.form == Form::kNone)
    return accounting::CommandLine{
        .program = name, .options = {}, .operands = copies};
  const accounting::OptionForm form = {
      .letters = getopt_letters(command),
      .has_long_names = command.form == Form::kLongNames,
      .long_names = command.long_names};
  return accounting::sort_words(name, form, copies,
                                accounting::GetoptTalk::kTells);
}

/// The levels of -D, and what the published command says of another one.
struct DebugLevels {
  std::string_view command;
  int least;
  int most;
  std::string_view said;
};
constexpr DebugLevels kDebugLevels[] = {
    {"ja", 1, 4, "Option -D valid values are 1 to 4\n"},
    {"csaaddc", 0, 2, "Option -D valid values are 0 thru 2\n"},
    {"csabuild", 0, 9, "Option -D valid values are 0 thru 9\n"},
    {"csacon", 0, 6, "Option -D valid values are 0 thru 6\n"},
    {"csadrep", 0, 2, ""},
    {"csarecy", 0, 2, "Option -D valid values are 1 and 2\n"},
    {"csaswitch", 0, 3, ""},
};

/// Says which level is none. False: there is one.
bool check_levels(const accounting::CommandLine& line,
                  accounting::Console& console) {
  const auto* const row =
      std::ranges::find(kDebugLevels, line.program, &DebugLevels::command);
  if (row == std::end(kDebugLevels)) return true;
  for (const auto& [letter, argument] : line.options) {
    if (letter != 'D') continue;
    const int level = std::atoi(argument.c_str());
    if (level >= row->least && level <= row->most) continue;
    console.complain("The (-D) option's argument, '" + argument +
                     "', is invalid.\n" + std::string(row->said));
    return false;
  }
  return true;
}

}  // namespace

int run_published(const PublishedCommand& command,
                  std::span<const char* const> words) {
  read_toml_forms();
  accounting::Console console;
  if (words.size() == 1 && std::string_view(words[0]) == "--help") {
    console.out().add(published_help(command));
    return 0;
  }
  const auto line = sorted_words(command, words);
  if (!line) {
    if (command.form == PublishedCommand::Form::kNamesUnknown)
      console.complain(std::string("An unknown option '") + line.error() +
                       "' was specified.\n");
    console.complain(usage_text(command));
    return kFailure;
  }
  const int code = check_levels(*line, console) ? command.run(*line, console)
                                                : accounting::kWrongUse;
  if (code == accounting::kWrongUse) {
    console.complain(usage_text(command));
    return kFailure;
  }
  console.flush();
  if (console.error() == 0) return code;
  return complain("cannot write the report: " +
                  std::string(std::strerror(console.error())));
}

std::string published_help(const PublishedCommand& command) {
  std::string text = "Usage: " + std::string(command.name);
  if (!command.letters.empty()) text += " [OPTIONS]";
  if (!command.operands.empty()) text.append(" ").append(command.operands);
  text.append("\n\n").append(command.summary).append(".\n");
  if (!command.letters.empty()) text += "\nOptions:\n";
  for (const LetterRow& row : command.letters) {
    std::string term = std::string("  -") + row.letter;
    if (!row.argument.empty()) term.append(" ").append(row.argument);
    constexpr std::size_t kColumn = 18;
    term.append(term.size() < kColumn ? kColumn - term.size() : 1, ' ');
    text.append(term).append(row.help).append("\n");
  }
  return text;
}

std::span<const PublishedCommand> published_commands() {
  return published::kCommands;
}

const PublishedCommand* find_published(std::string_view name) {
  for (const PublishedCommand& command : published::kCommands)
    if (command.name == name) return &command;
  return nullptr;
}

}  // namespace cli
