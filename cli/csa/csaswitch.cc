// SPDX-License-Identifier: Apache-2.0
#include "cli/csa/csaswitch.h"

#include <strings.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/cycle/csarun.h"
#include "accounting/cycle/places.h"
#include "accounting/cycle/switched_file.h"
#include "accounting/text/local_clock.h"
#include "cli/csa/pacct_writer.h"

namespace cli {

namespace {

using accounting::CommandLine;
using accounting::Console;
using accounting::CsaConf;
using accounting::kWrongUse;
using accounting::Outcome;
using accounting::Places;
using accounting::stop;

enum class Request : std::uint8_t {
  kCheck,
  kHalt,
  kOff,
  kOn,
  kStatus,
  kSwitch
};
constexpr std::string_view kRequests[] = {"check", "halt",   "off",
                                          "on",    "status", "switch"};

/// A kind of accounting, in the order of the report. What Corral does not write
/// is always off.
struct Kind {
  std::string_view name;
  bool is_written;  ///< by Corral, whenever "csa" is on
  bool is_linked;   ///< below the empty line
};
constexpr Kind kKinds[] = {
    {.name = "csa", .is_written = true, .is_linked = false},
    {.name = "wkmg", .is_written = false, .is_linked = false},
    {.name = "mem", .is_written = true, .is_linked = true},
    {.name = "io", .is_written = true, .is_linked = true},
    {.name = "delay", .is_written = false, .is_linked = true},
    {.name = "memt", .is_written = false, .is_linked = true},
    {.name = "time", .is_written = false, .is_linked = true},
};

template <class List>
auto find_word(const List& list, const std::string& word, auto name_of) {
  return std::ranges::find_if(list, [&](const auto& row) {
    const std::string name(name_of(row));
    return ::strcasecmp(name.c_str(), word.c_str()) == 0;
  });
}

const Kind* find_kind(const std::string& word) {
  const auto* const found =
      find_word(kKinds, word, [](const Kind& kind) { return kind.name; });
  return found == std::end(kKinds) ? nullptr : found;
}

/// Those of "-n csa,mem"; gives up on one that there is not.
Outcome<std::vector<const Kind*>> read_kinds(const std::string& list) {
  std::vector<const Kind*> kinds;
  std::size_t begin = 0;
  while (begin <= list.size()) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    const Kind* const kind = find_kind(list.substr(begin, end - begin));
    if (kind == nullptr)
      return stop("The (-n) option's argument, '" + list +
                  "', is invalid: expected some of csa, wkmg, io, mem, delay, "
                  "memt, time.");
    kinds.push_back(kind);
    begin = end + 1;
  }
  return kinds;
}

void write_rows(Console& console, const core::AccountingView& view,
                const Kind* only) {
  accounting::ReportText& out = console.out();
  out.add("#\tAccounting status for ");
  out.add(accounting::LocalClock::text(std::time(nullptr)));
  out.add("#\t      Name\tState\tValue\n");
  bool is_parted = only != nullptr;
  for (const Kind& kind : kKinds) {
    if (only != nullptr && only != &kind) continue;
    if (kind.is_linked && !is_parted) out.add('\n');
    is_parted = is_parted || kind.is_linked;
    std::string_view state = "Off";
    if (view.is_on && kind.is_written)
      state = view.fault.empty() ? "On" : "Error";
    out.add('\t').right(kind.name, 10).add('\t').add(state).add('\n');
  }
}

Outcome<int> check(const CommandLine& line, Console& console,
                   const PacctWriter& writer) {
  const auto* const name = line.value('n');
  if (name == nullptr)
    return stop("Option -n is required given the command line as specified.");
  const auto kinds = TRY(read_kinds(*name));
  write_rows(console, writer.view(), kinds.front());
  const core::AccountingView& view = writer.view();
  const bool is_on =
      view.is_on && kinds.front()->is_written && view.fault.empty();
  return is_on ? 0 : 255;
}

/// Corral's records of a process are one thing: parts of them cannot be turned
/// off or on.
Outcome<int> turn_off(const CommandLine& line, PacctWriter& writer) {
  const auto* const names = line.value('n');
  if (names == nullptr)
    return stop("Option -n is required given the command line as specified.");
  const auto kinds = TRY(read_kinds(*names));
  bool turns = false;
  for (const Kind* const kind : kinds) {
    if (kind->is_written && kind->name != "csa" &&
        std::ranges::find(kinds, &kKinds[0]) == kinds.end())
      return stop("Unable to disable accounting of '" +
                  std::string(kind->name) + "' alone: it is on with 'csa'.");
    turns = turns || kind->name == "csa";
  }
  if (turns) TRY(writer.turn(false));
  return 0;
}

Outcome<int> turn_on(const CommandLine& line, PacctWriter& writer) {
  if (const auto* const names = line.value('n')) {
    const auto kinds = TRY(read_kinds(*names));
    for (const Kind* const kind : kinds)
      if (!kind->is_written)
        return stop("Unable to enable accounting of '" +
                    std::string(kind->name) + "': Corral does not write it.");
  }
  if (line.has('m') || line.has('t'))
    return stop("Unable to enable thresholds: Corral writes every process.");
  const auto* const path = line.value('P');
  if (path != nullptr && writer.has_instance() && !writer.writes(*path))
    return stop("The instance writes '" + writer.view().pacct + "', not '" +
                *path + "': see CORRAL_PACCT in corrald(8).");
  TRY(writer.turn(true));
  return 0;
}

Outcome<int> obey(Request request, const CommandLine& line, Console& console,
                  const Places& places) {
  PacctWriter writer = TRY(PacctWriter::find(places));
  switch (request) {
    case Request::kCheck:
      return check(line, console, writer);
    case Request::kStatus:
      write_rows(console, writer.view(), nullptr);
      return 0;
    case Request::kOff:
      return turn_off(line, writer);
    case Request::kHalt:
      TRY(writer.turn(false));
      return 0;
    case Request::kOn:
      return turn_on(line, writer);
    case Request::kSwitch:
      TRY(writer.switch_file());
      if (writer.has_instance() && !writer.view().is_on) TRY(writer.turn(true));
      return 0;
  }
  return 1;
}

}  // namespace

int csaswitch_command(const CommandLine& line, Console& console) {
  const auto* const word = line.value('c');
  if (word == nullptr || !line.operands.empty()) return kWrongUse;
  const auto* const found =
      find_word(kRequests, *word, [](std::string_view name) { return name; });
  if (found == std::end(kRequests)) {
    console.complain("The (-c) option's argument, '" + *word +
                     "', is invalid.\n");
    return kWrongUse;
  }
  const auto request =
      static_cast<Request>(std::distance(std::begin(kRequests), found));
  CsaConf conf;
  const auto places = accounting::read_places(conf, console);
  if (!places) return console.give_up(places.error());
  const auto code = obey(request, line, console, *places);
  return code ? *code : console.give_up(code.error());
}

int csarun_command(const CommandLine& line, Console& console) {
  return accounting::csarun(
      line, console, [](const Places& places) -> Outcome<void> {
        PacctWriter writer = TRY(PacctWriter::find(places));
        if (writer.writes(places.pacct))
          TRY(writer.switch_file());
        else
          TRY(accounting::switch_file(places, places.pacct));
        return {};
      });
}

}  // namespace cli
