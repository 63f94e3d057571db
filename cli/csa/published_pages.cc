// SPDX-License-Identifier: Apache-2.0
#include "cli/csa/published_pages.h"

#include "cli/man_text.h"

namespace cli {

namespace {

constexpr std::string_view kCommonEnd =
    "# EXIT STATUS\n\n"
    "*0*\n\tAll is done.\n\n"
    "*1*\n\tSomething is wrong with the options, the files or the records; "
    "standard error says what.\n\n";

constexpr std::string_view kEnvironment =
    "# ENVIRONMENT\n\n"
    "*CSACONFIG*\n\t"
    "The configuration, instead of _/etc/csa.conf_.\n\n"
    "*TZ*\n\t"
    "The time zone of what is printed, and of prime time.\n\n";

}  // namespace

std::string published_page(const PublishedCommand& command) {
  const std::string name(command.name);
  std::string text = name + "(" + std::string(command.section) + ")\n\n";
  text += "# NAME\n\n" + name + " - " + scdoc_escaped(command.summary) + "\n\n";
  text += "# SYNOPSIS\n\n*" + name + "*";
  if (!command.letters.empty()) text += " [_OPTIONS_]";
  if (!command.operands.empty()) text += " " + scdoc_escaped(command.operands);
  text += "\n\n# DESCRIPTION\n\n" + std::string(command.description) + "\n\n";
  text += "The same as *corral " + name +
          "*: options, output and files are those of the "
          "CSA command of that name. Files of either byte order are read.\n\n";
  if (!command.letters.empty()) text += "# OPTIONS\n\n";
  for (const LetterRow& row : command.letters) {
    text += std::string("*-") + row.letter + "*";
    if (!row.argument.empty()) text += " _" + scdoc_escaped(row.argument) + "_";
    text += "\n\t" + scdoc_escaped(row.help) + ".\n\n";
  }
  text += kCommonEnd;
  text += kEnvironment;
  return text + "# SEE ALSO\n\n*corral*(1)\n";
}

std::string published_list() {
  std::string text;
  for (const PublishedCommand& command : published_commands())
    text += "*" + std::string(command.name) + "*(" +
            std::string(command.section) + ")\n\t" +
            scdoc_escaped(command.summary) + ".\n\n";
  return text;
}

}  // namespace cli
