// SPDX-License-Identifier: Apache-2.0
#include "cli/csa/csaswitch.h"

#include <strings.h>

#include <algorithm>
#include <cctype>
#include <ctime>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "accounting/billing/start_kinds.h"
#include "accounting/cycle/csarun.h"
#include "accounting/cycle/places.h"
#include "accounting/cycle/switched_file.h"
#include "accounting/text/local_clock.h"
#include "cli/csa/pacct_writer.h"
#include "core/number_text.h"

namespace cli {

namespace {

using accounting::CommandLine;
using accounting::Console;
using accounting::CsaConf;
using accounting::kWrongUse;
using accounting::Outcome;
using accounting::Places;
using accounting::Stop;
using accounting::stop;
using core::AccountKind;

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

template <class List>
auto find_word(const List& list, const std::string& word, auto name_of) {
  return std::ranges::find_if(list, [&](const auto& row) {
    const std::string name(name_of(row));
    return ::strcasecmp(name.c_str(), word.c_str()) == 0;
  });
}

const core::AccountKindRow* find_kind(std::string word) {
  std::ranges::transform(word, word.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return core::find_account_kind(word);
}

std::unexpected<Stop> not_valid(char letter, const std::string& argument) {
  return stop("The (-" + std::string(1, letter) + ") option's argument, '" +
              argument + "', is invalid.");
}

std::unexpected<Stop> needs(char letter) {
  return stop("Option -" + std::string(1, letter) +
              " is required given the command line as specified.");
}

/// Those of "-n csa,mem"; gives up on one that there is not.
Outcome<core::RecordSwitches> read_kinds(const std::string& list) {
  core::RecordSwitches named = {.kinds = 0};
  std::size_t begin = 0;
  while (begin <= list.size()) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    const auto* const kind = find_kind(list.substr(begin, end - begin));
    if (kind == nullptr)
      return stop(
          "The (-n) option's argument, '" + list +
          "', is invalid: expected some of csa, job, wkmg, tape, site1, "
          "site2, io, mem, delay, memt, time.");
    named.kinds |= core::bit_of(kind->kind);
    begin = end + 1;
  }
  return named;
}

void add_value(accounting::ReportText& out, const core::RecordSwitches& on,
               AccountKind kind) {
  constexpr std::uint64_t kSecond = 1000000;
  std::uint64_t value = 0;
  if (kind == AccountKind::kMemoryThreshold) value = on.memory_kib;
  if (kind == AccountKind::kTimeThreshold)
    value = (on.time_us + kSecond / 2) / kSecond;
  if (value != 0) out.add('\t').number(static_cast<std::int64_t>(value));
}

/// A kind that csa.conf has no label for is shown when it alone is asked for.
void write_rows(Console& console, const core::AccountingView& view,
                const core::AccountKindRow* only) {
  accounting::ReportText& out = console.out();
  out.add("#\tAccounting status for ");
  out.add(accounting::LocalClock::text(std::time(nullptr)));
  out.add("#\t      Name\tState\tValue\n");
  bool is_parted = only != nullptr;
  for (const core::AccountKindRow& row : core::kAccountKinds) {
    if (only == nullptr ? row.label.empty() : only->kind != row.kind) continue;
    if (row.is_linked && !is_parted) out.add('\n');
    is_parted = is_parted || row.is_linked;
    std::string_view state = "Off";
    if (view.switches.has(row.kind))
      state = view.fault.empty() ? "On" : "Error";
    out.add('\t').right(row.name, 10).add('\t').add(state);
    add_value(out, view.switches, row.kind);
    out.add('\n');
  }
}

Outcome<int> check(const CommandLine& line, Console& console,
                   const PacctWriter& writer) {
  const auto* const name = line.value('n');
  if (name == nullptr) return needs('n');
  const auto* const kind = find_kind(*name);
  if (kind == nullptr) return not_valid('n', *name);
  const core::AccountingView& view = writer.view();
  write_rows(console, view, kind);
  return view.switches.has(kind->kind) && view.fault.empty() ? 0 : 255;
}

Outcome<int> turn_off(const CommandLine& line, PacctWriter& writer) {
  const auto* const names = line.value('n');
  if (names == nullptr) return needs('n');
  const core::RecordSwitches named = TRY(read_kinds(*names));
  TRY(writer.turn(false, named));
  return 0;
}

/// -m and -t: a threshold. Nothing: it is not given.
Outcome<std::optional<std::uint64_t>> read_threshold(const CommandLine& line,
                                                     char letter,
                                                     std::uint64_t unit) {
  const auto* const text = line.value(letter);
  if (text == nullptr) return std::nullopt;
  const auto number = core::parse_number(*text, UINT64_MAX / unit);
  if (!number)
    return stop("Option '" + std::string(1, letter) +
                "' requires a positive numeric argument.");
  return *number * unit;
}

/// A threshold of the command line takes the place of csa.conf's.
Outcome<void> add_threshold(const CommandLine& line, char letter,
                            AccountKind kind, Console& console,
                            core::RecordSwitches& named) {
  const bool is_time = kind == AccountKind::kTimeThreshold;
  const auto given = TRY(read_threshold(line, letter, is_time ? 1000000U : 1U));
  const bool is_named = line.has('n');
  if (named.has(kind) && is_named && !given) return needs(letter);
  if (given && !named.has(kind))
    console.complain("Option -" + std::string(1, letter) +
                     " is not used with command line as specified.\n");
  if (given && named.has(kind))
    (is_time ? named.time_us : named.memory_kib) = *given;
  return {};
}

/// What csa.conf says, as the published command; nothing: it says nothing.
Outcome<std::optional<core::RecordSwitches>> configured(CsaConf& conf,
                                                        Console& console) {
  const accounting::StartKinds start = accounting::read_start_kinds(conf);
  console.complain(start.faults);
  if (!start.has_labels) return std::nullopt;
  if (start.switches.kinds == 0)
    return stop("None of the accounting methods in the csa.conf file is on.");
  return start.switches;
}

Outcome<int> turn_on(const CommandLine& line, Console& console, CsaConf& conf,
                     PacctWriter& writer) {
  const auto* const path = line.value('P');
  if (path != nullptr && writer.has_instance() && !writer.writes(*path))
    return stop("The instance writes '" + writer.view().pacct + "', not '" +
                *path + "': see CORRAL_PACCT in corrald(8).");
  std::optional<core::RecordSwitches> named;
  if (const auto* const names = line.value('n'))
    named = TRY(read_kinds(*names));
  else
    named = TRY(configured(conf, console));
  if (!named) {
    TRY(writer.turn(true));
    return 0;
  }
  TRY(add_threshold(line, 'm', AccountKind::kMemoryThreshold, console, *named));
  TRY(add_threshold(line, 't', AccountKind::kTimeThreshold, console, *named));
  TRY(writer.turn(true, *named));
  return 0;
}

Outcome<int> obey(Request request, const CommandLine& line, Console& console,
                  CsaConf& conf, const Places& places) {
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
      return turn_on(line, console, conf, writer);
    case Request::kSwitch:
      TRY(writer.switch_file());
      if (writer.has_instance() && !writer.view().is_on)
        return turn_on({.program = line.program, .options = {}, .operands = {}},
                       console, conf, writer);
      return 0;
  }
  return 1;
}

}  // namespace

int csaswitch_command(const CommandLine& line, Console& console) {
  const auto* const word = line.value('c');
  if (!line.operands.empty()) {
    console.complain("Extra arguments were found on the command line.\n");
    return kWrongUse;
  }
  if (word == nullptr) {
    console.complain("Option -c is a required option.\n");
    return kWrongUse;
  }
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
  const auto code = obey(request, line, console, conf, *places);
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
