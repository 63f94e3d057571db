// SPDX-License-Identifier: Apache-2.0
// What is made from the command table holds all of it.
#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "accounting/cycle/parts.h"
#include "cli/command_table.h"
#include "cli/completion.h"
#include "cli/csa/published_command.h"
#include "cli/help.h"
#include "cli/man_text.h"

TEST_CASE("help, manual and completions name every option of every command") {
  const std::string manual = cli::man_text("commands");
  for (const cli::Command& command : cli::commands()) {
    CAPTURE(command.name);
    const std::string help = cli::help_text(command);
    CHECK(cli::help_text().contains("  " + std::string(command.name)));
    for (const cli::OptionRow& row : command.options) {
      CAPTURE(row.name);
      const std::string name = "--" + std::string(row.name);
      CHECK(help.contains(name));
      CHECK(manual.contains("*" + name + "*"));
      for (const char* shell : {"bash", "zsh"})
        CHECK(cli::completion_text(shell).contains(name));
      CHECK(
          cli::completion_text("fish").contains("-l " + std::string(row.name)));
    }
  }
}

TEST_CASE("the words of commands that have some are completed") {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    CAPTURE(shell);
    const std::string text = cli::completion_text(shell);
    CHECK(text.contains("open close show"));
    CHECK(text.contains("status on off switch record"));
  }
}

TEST_CASE("help has no marks, and names as they are") {
  const std::string help = cli::help_text(*cli::find_command("session"));
  CHECK(help.contains("pam_corral(8)"));
  CHECK(help.contains("Usage: corral session [OPTIONS] open | close JOB..."));
  CHECK(!help.contains("*"));
}

TEST_CASE("the manual says what a job's name is") {
  const std::string manual = cli::man_text("commands");
  CHECK(
      manual.contains("_NAME_ is 1 to 64 letters, digits and \\_.@:-; "
                      "no number"));
}

TEST_CASE("no help line is over 80 columns wide") {
  for (const cli::Command& command : cli::commands()) {
    const std::string help = cli::help_text(command);
    std::size_t start = 0;
    while (start < help.size()) {
      const std::size_t end = help.find('\n', start);
      CHECK(end - start <= 80);
      start = end + 1;
    }
  }
}

TEST_CASE("topics that there are not give nothing") {
  CHECK(cli::man_text("nothing").empty());
  CHECK(cli::completion_text("tcsh").empty());
}

TEST_CASE("csarun calls its parts with the letters that they have") {
  // "P:o:mv" as a sorted list.
  const auto letters = [](std::string_view text) {
    std::vector<std::string> all;
    for (const char c : text)
      if (c == ':')
        all.back() += c;
      else
        all.emplace_back(1, c);
    std::ranges::sort(all);
    return all;
  };
  int parts = 0;
  for (const cli::PublishedCommand& command : cli::published_commands()) {
    const std::string_view known = accounting::part_letters(command.name);
    if (known.empty()) continue;
    CAPTURE(command.name);
    CHECK(letters(known) == letters(cli::getopt_letters(command)));
    ++parts;
  }
  CHECK(parts == 9);
}
