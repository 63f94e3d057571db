// SPDX-License-Identifier: Apache-2.0
#include "accounting/reports/csacom_options.h"

#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "accounting/text/account_names.h"

namespace accounting::csacom {

namespace {

/// A switch and the member that it sets.
struct ColumnSwitch {
  char letter;
  bool Columns::* member;
};
// clang-format off: a table
constexpr ColumnSwitch kColumnSwitches[] = {
    {'A', &Columns::session},       {'G', &Columns::gid},
    {'J', &Columns::jid},           {'M', &Columns::marks},
    {'N', &Columns::nice},          {'P', &Columns::project},
    {'U', &Columns::is_numeric},    {'V', &Columns::is_io_combined},
    {'X', &Columns::start_date},    {'Y', &Columns::end_date},
    {'Z', &Columns::leaves_out_first}, {'c', &Columns::io_requests},
    {'f', &Columns::flags},         {'h', &Columns::hog_factor},
    {'i', &Columns::io_characters}, {'k', &Columns::kcore_minutes},
    {'m', &Columns::mean_sizes},    {'p', &Columns::pids},
    {'r', &Columns::cpu_factor},    {'t', &Columns::is_split},
};
// clang-format on
constexpr std::int64_t kDay = 86400;

bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

struct TimeParts {
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

/// "[Ddd:]hh[:mm[:ss]]"; what is behind the last number is not looked at.
bool scan_time(const char* text, TimeParts& parts) {
  if (is_digit(text[0]))
    return std::sscanf(text, "%d:%d:%d", &parts.hour, &parts.minute,
                       &parts.second) >= 1;
  return std::sscanf(text + 1, "%d:%d:%d:%d", &parts.day, &parts.hour,
                     &parts.minute, &parts.second) >= 2;
}

bool is_possible(const TimeParts& parts) {
  return parts.day >= 0 && parts.hour >= 0 && parts.hour <= 23 &&
         parts.minute >= 0 && parts.minute <= 59 && parts.second >= 0 &&
         parts.second <= 59;
}

/// Why a text is no time; "": it is one, and `seconds` has it.
std::string fault_of_time(const std::string& text, std::int64_t& seconds) {
  const bool has_day = text[0] == 'D' || text[0] == 'd';
  if ((!has_day && !is_digit(text[0])) || (has_day && !is_digit(text[1])))
    return "Invalid time argument: " + text + "\n\n";
  TimeParts parts;
  if (!scan_time(text.c_str(), parts))
    return "Invalid time arguemnt: " + text + ". HOUR is required.\n\n";
  if (!is_possible(parts))
    return "Invalid time arguemnt: day=" + std::to_string(parts.day) +
           ", hr=" + std::to_string(parts.hour) +
           ", min=" + std::to_string(parts.minute) +
           ", sec=" + std::to_string(parts.second) + "\n\n";
  seconds =
      parts.day * kDay + parts.hour * 3600L + parts.minute * 60L + parts.second;
  return {};
}

void read_time(char letter, const std::string& text, std::int64_t& seconds,
               Console& console) {
  seconds = 0;
  const std::string fault = fault_of_time(text, seconds);
  if (fault.empty()) return;
  console.complain(fault + "-" + letter + " " + text + ": bad format\n\n");
}

/// A number as strtol(3) has it; one that is out of range is complained about.
template <class Number, class Parse>
Outcome<void> read_number(char letter, const std::string& text, Number& number,
                          Console& console, Parse parse) {
  errno = 0;
  char* end = nullptr;
  const auto value = parse(text.c_str(), &end);
  const int code = errno;
  // As published, what is behind a number (the fraction of 0.05) is not looked
  // at.
  if (end == text.c_str())
    return stop(std::string("-") + letter + " " + text + ": expected a number");
  number = static_cast<Number>(value);
  if (code != 0)
    console.complain(
        with_system_error(std::string("-") + letter + " " + text, code));
  return {};
}

long parse_decimal(const char* text, char** end) {
  return std::strtol(text, end, 10);
}

Outcome<Owner> read_owner(const std::string& text) {
  if (text.find('?') != std::string::npos)
    return Owner{.kind = Owner::Kind::kUnknown};
  if (text.find('#') != std::string::npos)
    return Owner{.kind = Owner::Kind::kPrivileged};
  auto uid = AccountNames::uid_of(text.c_str());
  if (!uid) uid = AccountNames::id_of(text);
  if (!uid) return stop("-u " + text + ": unknown user\n");
  return Owner{.kind = Owner::Kind::kUser, .uid = *uid};
}

Outcome<std::uint32_t> read_group(const std::string& text) {
  auto gid = AccountNames::gid_of(text.c_str());
  if (!gid) gid = AccountNames::id_of(text);
  if (!gid) return stop("-g " + text + ": unknown group\n");
  return *gid;
}

Outcome<void> read_selection(char letter, const std::string& text,
                             Selection& to, Console& console) {
  switch (letter) {
    case 'C':
      return read_number(letter, text, to.cpu_seconds, console, parse_decimal);
    case 'O':
      return read_number(letter, text, to.system_seconds, console,
                         parse_decimal);
    case 'I':
      return read_number(letter, text, to.characters, console, parse_decimal);
    case 'H':
      return read_number(letter, text, to.hog_factor, console, std::strtod);
    case 'j':
      return read_number(letter, text, to.jid, console,
                         [](const char* digits, char** end) {
                           return std::strtoull(digits, end, 16);
                         });
    case 'E':
      read_time(letter, text, to.ended_before, console);
      break;
    case 'S':
      read_time(letter, text, to.started_after, console);
      break;
    case 'e':
      read_time(letter, text, to.existing_before, console);
      break;
    case 's':
      read_time(letter, text, to.existing_after, console);
      break;
    case 'g':
      to.gid = TRY(read_group(text));
      break;
    case 'n':
      to.command = text;
      break;
    case 'u':
      // As published: the first counts, but for # and ?.
      if (to.owner.kind == Owner::Kind::kAnybody ||
          text.find_first_of("#?") != std::string::npos)
        to.owner = TRY(read_owner(text));
      break;
    default:
      break;
  }
  return {};
}

/// The mean sizes stand where nothing else was asked for.
void choose_columns(Options& options) {
  Columns& columns = options.columns;
  bool is_any = columns.delays == 1 || options.is_backwards ||
                !options.has_headings || options.shows_jobs ||
                options.shows_dates;
  for (const ColumnSwitch& row : kColumnSwitches)
    is_any = is_any || columns.*row.member;
  if (!is_any) columns.mean_sizes = true;
  if (columns.delays > 1) columns.mean_sizes = false;
}

void settle(Options& options, Console& console) {
  if (!options.output_file.empty()) {
    const std::string path = options.output_file;
    options = {
        .selection = options.selection, .columns = {}, .output_file = path};
  }
  if (options.is_backwards && options.shows_dates)
    console.complain("-b conflicts with -W.\n\n");
  choose_columns(options);
  Columns& columns = options.columns;
  if (options.shows_jobs) {
    columns = {};
    options.shows_dates = false;
  }
  if (columns.is_io_combined && !columns.io_characters &&
      !columns.io_requests && columns.delays == 0)
    console.complain("-V must be specified with one of -c, -i or -w.\n\n");
  if (options.shows_dates)
    options = {.selection = {},
               .columns = {},
               .shows_dates = true,
               .shows_configurations = options.shows_configurations,
               .output_file = {}};
}

}  // namespace

Outcome<Options> read_options(const CommandLine& line, Console& console) {
  Options options;
  for (const auto& [letter, argument] : line.options)
    TRY(read_selection(letter, argument, options.selection, console));
  for (const ColumnSwitch& row : kColumnSwitches)
    options.columns.*row.member = line.has(row.letter);
  options.columns.delays = line.count('w');
  options.is_backwards = line.has('b');
  options.has_headings = !line.has('v');
  options.shows_jobs = line.has('T');
  options.shows_dates = line.has('W');
  options.shows_configurations = line.has('L');
  if (const std::string* const path = line.value('o'))
    options.output_file = *path;
  settle(options, console);
  return options;
}

}  // namespace accounting::csacom
