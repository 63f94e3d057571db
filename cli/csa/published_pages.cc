// SPDX-License-Identifier: Apache-2.0
#include "cli/csa/published_pages.h"

#include <algorithm>
#include <iterator>

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
    "The configuration (csa.conf(5), or csa.toml(5) by its name), instead of "
    "_/etc/csa.conf_, or _/etc/csa.toml_ where that is not there.\n\n"
    "*TZ*\n\t"
    "The time zone of what is printed, and of prime time.\n\n";

/// Those that read accounting records (tests/integration/csa_foreign.py).
constexpr std::string_view kReaders[] = {
    "csaaddc", "csabuild", "csacms",  "csacom",  "csacon",    "csacrep",
    "csadrep", "csaedit",  "csajrep", "csarecy", "csaverify", "ja",
};

/// What only one page has.
struct OwnPart {
  std::string_view command;
  std::string_view exit_status;  ///< behind what all have
  std::string_view files;        ///< a section of its own; "": none
};
constexpr OwnPart kOwnParts[] = {
    {.command = "csaswitch",
     .exit_status = "*255*\n\t*-c check*: what *-n* names is not on.\n\n",
     .files = ""},
    {.command = "csaverify",
     .exit_status = "*2*\n\tIt stopped at so many damages as *-m* says.\n\n",
     .files = ""},
    {.command = "csarun",
     .exit_status = "",
     .files =
         "Below ACCT_DIR of the configuration, _/var/csa_ without one:\n\n"
         "_day/pacct_\\*\n\tWhat was recorded (PACCT_FILE).\n\n"
         "_work/MMDD/hhmm_\n\tWhat a run makes, until it has ended.\n\n"
         "_sum/_\n\tConsolidated records and command summaries of each "
         "run, and its report _rprt.MMDDhhmm_.\n\n"
         "_nite/statefile_, _nite/active_\n\tIn which state a run is in, "
         "and what it did.\n\n"
         "_csa.holidays_\n\tPrime time and holidays (HOLIDAY_FILE): the "
         "line HOLIDAYFILE_VERSION1, then _YEAR_ and the year or an asterisk, "
         "then "
         "for _weekday_, _saturday_ and _sunday_ when prime time begins and "
         "ends (hhmm, or none, all), then each holiday, which has none: the "
         "day of the year, its date, what it is. A line that begins with "
         "an asterisk is a comment:\n\n"
         "```\n"
         "HOLIDAYFILE_VERSION1\n"
         "YEAR\t*\n"
         "  weekday\t0730\t1730\n"
         "  saturday\tnone\tall\n"
         "  sunday\tnone\tall\n"
         "  1\tJan 1\tNew Year's Day\n"
         "```\n\n"},
};

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
          "CSA command of that name.";
  if (std::ranges::find(kReaders, command.name) != std::end(kReaders))
    text += " Files of either byte order are read.";
  text += "\n\n";
  if (!command.letters.empty()) text += "# OPTIONS\n\n";
  for (const LetterRow& row : command.letters) {
    text += std::string("*-") + row.letter + "*";
    if (!row.argument.empty()) text += " _" + scdoc_escaped(row.argument) + "_";
    text += "\n\t" + scdoc_escaped(row.help) + ".\n\n";
  }
  const auto* const own =
      std::ranges::find(kOwnParts, command.name, &OwnPart::command);
  const bool has_own = own != std::end(kOwnParts);
  text += kCommonEnd;
  if (has_own) text += own->exit_status;
  text += kEnvironment;
  if (has_own && !own->files.empty())
    text.append("# FILES\n\n").append(own->files);
  return text + "# SEE ALSO\n\n*corral*(1), *csa.toml*(5)\n";
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
