// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/csajrep_options.h"

#include <cctype>
#include <cstdlib>

#include "accounting/text/account_names.h"

namespace accounting::csajrep {

namespace {

struct ColumnLetter {
  char letter;
  bool Columns::* member;
};
// clang-format off: a table
constexpr ColumnLetter kLetters[] = {
    {'J', &Columns::jid},    {'S', &Columns::session}, {'B', &Columns::start},
    {'c', &Columns::cpu},    {'w', &Columns::delays},  {'x', &Columns::io},
    {'V', &Columns::faults}, {'b', &Columns::units},   {'q', &Columns::queue},
};
// clang-format on

bool is_number(const std::string& text) {
  return std::isdigit(static_cast<unsigned char>(text[0])) != 0;
}

/// False: it is none, and would stand for any.
bool read_number(char letter, const std::string& text, int base,
                 std::uint64_t& number, Console& console) {
  char* end = nullptr;
  number = std::strtoull(text.c_str(), &end, base);
  if (end != text.c_str()) return true;
  console.complain(std::string("-") + letter + " " + text +
                   ": expected a number\n");
  return false;
}

/// False: an argument is none, and was complained about.
bool read_selection(const CommandLine& line, Selection& to, Console& console) {
  to.is_exclusive = line.has('e');
  to.is_full = line.has('F');
  to.skips_jid_0 = line.has('Z');
  if (const auto* const text = line.value('j'))
    if (!read_number('j', *text, 16, to.jid, console)) return false;
  if (const auto* const text = line.value('r')) {
    std::uint64_t number = 0;
    if (!read_number('r', *text, 10, number, console)) return false;
    to.reqid = static_cast<std::int64_t>(number);
  }
  if (const auto* const text = line.value('p'))  // no project has a name
    if (!read_number('p', *text, 10, to.project, console)) return false;
  if (const auto* const text = line.value('u')) {
    const auto uid = is_number(*text) ? AccountNames::id_of(*text)
                                      : AccountNames::uid_of(text->c_str());
    if (!uid) {  // nobody is not everybody
      console.complain("Unable to map " + *text +
                       " to user-id in the 'argtoi()' routine.\n");
      return false;
    }
    to.uid = *uid;
  }
  return true;
}

/// Is anything selected? As published by a sum, which can be deceived.
std::int32_t sum_of(const Selection& selection) {
  return static_cast<std::int32_t>(selection.project + selection.jid +
                                   static_cast<std::uint64_t>(selection.reqid) +
                                   selection.uid);
}

bool check_requests(const CommandLine& line, Console& console) {
  int letters = 0;
  for (const auto& option : line.options)
    letters += option.first != 's' ? 1 : 0;
  if (letters == 1 || (letters == 2 && line.has('A'))) return true;
  console.complain(letters == 2
                       ? "The (-N) option can be used with only one of the "
                         "({A s}) options.\n"
                       : "Some invalid options were used with the (-N) "
                         "option.\n");
  return false;
}

}  // namespace

bool read_options(const CommandLine& line, Options& options, Console& console) {
  if (const auto* const path = line.value('s')) options.sorted = *path;
  for (const ColumnLetter& row : kLetters)
    options.columns.*row.member = line.has(row.letter);
  options.takes_all = line.has('A');
  options.only_requests = line.has('N');
  options.has_form_feeds = line.has('L');
  options.has_headings = !line.has('h');
  for (const auto& [letter, argument] : line.options)
    if (letter == 't' || letter == 'T') options.has_only_totals = letter == 'T';
  options.has_totals = line.has('t') || line.has('T');
  if (!read_selection(line, options.selection, console)) return false;
  if (!line.operands.empty()) {
    console.complain("Extra arguments were found on the command line.\n");
    return false;
  }
  if (options.only_requests && !check_requests(line, console)) return false;
  const std::int32_t nothing = sum_of(Selection());
  const std::int32_t selected = sum_of(options.selection);
  if (options.selection.is_full && selected > nothing) {
    console.complain(
        "The (-F) and the (-{j n p u}) options are mutually exclusive.\n");
    return false;
  }
  if (options.selection.is_exclusive && selected == nothing) {
    console.complain(
        "The (-e) option must be used with the (-{j n p u}) option.\n");
    return false;
  }
  return true;
}

}  // namespace accounting::csajrep
