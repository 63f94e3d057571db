// SPDX-License-Identifier: Apache-2.0
#include "accounting/cycle/parts.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>

#include "accounting/build/csabuild.h"
#include "accounting/build/csarecy.h"
#include "accounting/records/output_file.h"
#include "accounting/reports/csaaddc.h"
#include "accounting/reports/csacms.h"
#include "accounting/reports/csacon.h"
#include "accounting/reports/csacrep.h"
#include "accounting/reports/csadrep.h"
#include "accounting/reports/csaedit.h"
#include "accounting/reports/csaverify.h"
#include "accounting/text/command_line.h"

namespace accounting {

namespace {

struct Part {
  std::string_view name;
  std::string_view letters;  ///< those of cli/csa/published_letters.h
  int (*run)(const CommandLine&, Console&);
};

constexpr Part kParts[] = {
    {.name = "csaverify", .letters = "P:o:m:vD", .run = csaverify_command},
    {.name = "csaedit", .letters = "Ab:mo:P:r:tvx", .run = csaedit_command},
    {.name = "csabuild", .letters = "aAD:ino:P:s:t", .run = csabuild_command},
    {.name = "csarecy", .letters = "AD:P:Rrs:", .run = csarecy_command},
    {.name = "csacon", .letters = "AD:gjps:u", .run = csacon_command},
    {.name = "csaaddc", .letters = "AD:gjo:ptuv", .run = csaaddc_command},
    {.name = "csacms", .letters = "AacejnopSs", .run = csacms_command},
    {.name = "csacrep", .letters = "bcdfghJjnPpuVwx", .run = csacrep_command},
    {.name = "csadrep", .letters = "AaD:jNno:s:tV:", .run = csadrep_command},
};

const Part* find_part(std::string_view name) {
  const auto* const found = std::ranges::find(kParts, name, &Part::name);
  return found == std::end(kParts) ? nullptr : found;
}

Outcome<CommandLine> read_words(const Part& part, const PartCall& call) {
  auto line =
      sort_words(std::string(part.name), {.letters = std::string(part.letters)},
                 call.words, GetoptTalk::kSilent);
  if (line) return *std::move(line);
  std::string said;
  for (const std::string& word : call.words)
    said += " " + word;
  return stop("'" + std::string(part.name) + said +
              "': one of its options is none: see " + std::string(part.name) +
              "(8) and csa.conf");
}

std::string opening(const std::string& path) {
  return "An error occurred during the opening of file '" + path + "'.";
}

Outcome<int> run_part(const Part& part, const CommandLine& line,
                      const PartCall& call, Console& console) {
  const int code = call.input.empty()
                       ? part.run(line, console)
                       : csacrep_of_file(line, call.input, console);
  console.flush();
  if (code == kWrongUse)
    return stop("'" + line.program +
                "': its options contradict each other: see csa.conf");
  if (console.error() != 0)
    return stop(
        "An error occurred during the writing of file '" + call.output + "'.",
        console.error());
  return code;
}

}  // namespace

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  constexpr std::string_view kBlanks = " \t";
  for (;;) {
    const std::size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    const std::size_t end = std::min(text.find_first_of(kBlanks), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

std::string_view part_letters(std::string_view name) {
  const Part* const part = find_part(name);
  return part == nullptr ? std::string_view() : part->letters;
}

Outcome<int> call_part(const Places& places, const PartCall& call) {
  const Part* const part = find_part(call.name);
  if (part == nullptr) return stop(std::string(call.name) + ": no such part");
  const CommandLine line = TRY(read_words(*part, call));
  const auto errors =
      sys::open_at(AT_FDCWD, call.errors.c_str(),
                   O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NOCTTY |
                       (call.keeps_errors ? 0 : O_TRUNC),
                   0660);
  if (!errors) return stop(opening(call.errors), errors.error().code);
  give_to_group(places, errors->get());
  if (call.output.empty()) {
    Console console(errors->get(), errors->get());
    return run_part(*part, line, call, console);
  }
  auto output = OutputFile::create(call.output);
  if (!output) return stop(opening(call.output), errno);
  give_to_group(places, output->fd());
  Console console(output->fd(), errors->get());
  const int code = TRY(run_part(*part, line, call, console));
  if (code != 0) return code;
  if (const int wrong = output->commit(); wrong != 0)
    return stop(
        "An error occurred during the writing of file '" + call.output + "'.",
        wrong);
  return 0;
}

}  // namespace accounting
