// SPDX-License-Identifier: Apache-2.0
#include "accounting/billing/holidays.h"

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <vector>

#include "accounting/trusted_file.h"
#include "core/number_text.h"

namespace accounting {

namespace {

constexpr std::int64_t kHour = core::kSecondsOfHour;

HolidaysTranslator holidays_translator = nullptr;

constexpr std::string_view kMonths[] = {"jan", "feb", "mar", "apr",
                                        "may", "jun", "jul", "aug",
                                        "sep", "oct", "nov", "dec"};

using core::KindOfDay;
using core::kKindsOfDay;

std::vector<std::string_view> words_of(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r";
  std::vector<std::string_view> words;
  for (std::size_t at = 0;;) {
    at = line.find_first_not_of(kBlanks, at);
    if (at == std::string_view::npos) return words;
    const std::size_t end =
        std::min(line.find_first_of(kBlanks, at), line.size());
    words.push_back(line.substr(at, end - at));
    at = end;
  }
}

std::optional<int> number_of(std::string_view text) {
  constexpr std::size_t kMostDigits = 4;
  const auto number = core::parse_number(text, INT_MAX);
  if (!number || text.size() > kMostDigits) return std::nullopt;
  return static_cast<int>(*number);
}

/// "0730" in seconds.
std::optional<std::int64_t> clock_of(std::string_view text) {
  const auto number = number_of(text);
  if (!number || text.size() != 4) return std::nullopt;
  const int hour = *number / 100;
  const int minute = *number % 100;
  if (hour > 24 || minute > 59 || *number > 2400) return std::nullopt;
  return hour * kHour + minute * 60;
}

int month_of(std::string_view text) {
  std::string lower(text.substr(0, 3));
  for (char& c : lower)
    c = static_cast<char>(c | 0x20);
  const auto* const found = std::ranges::find(kMonths, lower);
  return found == std::end(kMonths) ? -1 : static_cast<int>(found - kMonths);
}

/// Reads the lines of one file.
class Parser {
 public:
  Parser(const std::string& path, std::string& faults)
      : path_(path), faults_(faults) {}

  void line(std::string_view line) {
    ++number_;
    if (line.starts_with('*')) return;
    const auto words = words_of(line);
    if (words.empty()) return;
    if (words[0] == "HOLIDAYFILE_VERSION1") {
      has_version_ = true;
    } else if (words[0] == "YEAR") {
      year(words);
    } else if (const KindOfDay* const kind = kind_of(words[0])) {
      hours(*kind, words);
    } else {
      date(words);
    }
  }

  Holidays finish() {
    if (!has_version_)
      fault("HOLIDAYFILE_VERSION1", "", "this label on a line of its own");
    if (!has_year_) fault("YEAR", "", "a year, or * for every year");
    for (const KindOfDay& kind : kKindsOfDay)
      if (!(kinds_ & bit_of(kind)))
        fault(kind.name, "", "a line with its prime time");
    return holidays_;
  }

 private:
  void fault(std::string_view label, std::string_view value,
             std::string_view expected) {
    faults_.append(path_).append(":").append(std::to_string(number_));
    faults_.append(": ").append(label).append(": '").append(value);
    faults_.append("': expected ").append(expected).append("\n");
  }

  static unsigned bit_of(const KindOfDay& kind) {
    return 1U << static_cast<unsigned>(&kind - kKindsOfDay);
  }
  static const KindOfDay* kind_of(std::string_view word) {
    const auto* const found =
        std::ranges::find(kKindsOfDay, word, &KindOfDay::name);
    return found == std::end(kKindsOfDay) ? nullptr : found;
  }

  void year(const std::vector<std::string_view>& words) {
    const std::string_view value = words.size() > 1 ? words[1] : "";
    has_year_ = true;
    if (value.starts_with('*')) return;
    holidays_.year = number_of(value);
    if (!holidays_.year) fault("YEAR", value, "a year, or * for every year");
  }

  void hours(const KindOfDay& kind,
             const std::vector<std::string_view>& words) {
    DayHours& hours = holidays_.*kind.hours;
    kinds_ |= bit_of(kind);
    const std::string_view prime = words.size() > 1 ? words[1] : "";
    const std::string_view other = words.size() > 2 ? words[2] : "";
    hours = prime == "all" ? core::kAllPrime : core::kNonePrime;
    if (prime == "none" || prime == "all") return;
    const auto begin = clock_of(prime);
    const auto end = clock_of(other);
    if (!begin || !end || *begin > *end) {
      fault(kind.name, words.size() > 1 ? prime : "",
            "when prime time begins and when it ends, as in '0730 1730', or "
            "'all', or 'none'");
      return;
    }
    hours = {.begin = *begin, .end = *end};
  }

  /// "1  Jan 1  New Year's Day": the day's number in the year is not used.
  void date(const std::vector<std::string_view>& words) {
    const int month = words.size() > 2 ? month_of(words[1]) : -1;
    const auto day = words.size() > 2 ? number_of(words[2]) : std::nullopt;
    if (!number_of(words[0]) || !day ||
        !core::is_date({.month = month, .day = *day})) {
      fault("holiday", words[0],
            "the number of the day in the year, its date as in 'Jan 1', and a "
            "name");
      return;
    }
    holidays_.add(month, *day);
  }

  const std::string& path_;
  std::string& faults_;
  Holidays holidays_;
  int number_ = 0;
  unsigned kinds_ = 0;  ///< days that have a line
  bool has_version_ = false;
  bool has_year_ = false;
};

std::int64_t wall_time(std::tm local, std::int64_t seconds) {
  local.tm_sec = static_cast<int>(seconds % 60);
  local.tm_min = static_cast<int>(seconds / 60 % 60);
  local.tm_hour = static_cast<int>(seconds / kHour);
  local.tm_isdst = -1;
  return std::mktime(&local);
}

/// Of `length` seconds the share that is prime time in an ordinary week.
std::int64_t share_of_weeks(const Holidays& holidays, std::int64_t length) {
  const auto of_day = [](const DayHours& hours) {
    return hours.end - hours.begin;
  };
  const std::int64_t of_week = 5 * of_day(holidays.weekday) +
                               of_day(holidays.saturday) +
                               of_day(holidays.sunday);
  constexpr std::int64_t kWeek = 7 * 24 * kHour;
  return length / kWeek * of_week + length % kWeek * of_week / kWeek;
}

}  // namespace

Holidays parse_holidays(std::string_view text, const std::string& path,
                        std::string& faults) {
  Parser parser(path, faults);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    parser.line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parser.finish();
}

void set_holidays_translator(HolidaysTranslator translator) {
  holidays_translator = translator;
}

std::string usual_holidays_file() {
  constexpr const char kPublished[] = "/var/csa/csa.holidays";
  constexpr const char kOtherForm[] = "/var/csa/csa.holidays.toml";
  return !sys::is_there(kPublished) && sys::is_there(kOtherForm) ? kOtherForm
                                                                 : kPublished;
}

std::optional<Holidays> read_holidays(const std::string& path,
                                      std::string& faults) {
  constexpr std::size_t kMost = 1U << 20U;
  std::string distrust;
  const auto text = read_trusted_file(path, kMost, distrust);
  if (!distrust.empty()) {
    faults += distrust + "; nothing is prime time\n";
    return std::nullopt;
  }
  if (!text) {
    faults += "cannot read the holidays file '" + path +
              "': " + std::strerror(text.error().code) +
              "; nothing is prime time\n";
    return std::nullopt;
  }
  if (!path.ends_with(".toml")) return parse_holidays(*text, path, faults);
  const auto holidays =
      holidays_translator == nullptr
          ? std::unexpected(path + ": TOML is not read here\n")
          : holidays_translator(*text, path);
  if (holidays) return *holidays;
  faults += holidays.error() + path + ": nothing is prime time\n";
  return std::nullopt;
}

/// Finds the local day that `time` is in.
void PrimeTime::move_to(std::int64_t time) {
  if (time >= day_.begin && time < day_.end) return;
  const std::time_t value = time;
  std::tm local = {};
  const Day unknown = {.begin = time, .end = time + 24 * kHour};
  if (::localtime_r(&value, &local) == nullptr) {
    day_ = unknown;
    return;
  }
  std::tm next = local;
  ++next.tm_mday;
  day_.begin = wall_time(local, 0);
  day_.end = wall_time(next, 0);
  if (time < day_.begin || time >= day_.end) {  // no zone known to us does this
    day_ = unknown;
    return;
  }
  if (holidays_.is_holiday({.year = local.tm_year + 1900,
                            .month = local.tm_mon,
                            .day = local.tm_mday})) {
    day_.prime_begin = day_.prime_end = day_.end;
    return;
  }
  const DayHours& hours = local.tm_wday == 0   ? holidays_.sunday
                          : local.tm_wday == 6 ? holidays_.saturday
                                               : holidays_.weekday;
  day_.prime_begin = wall_time(local, hours.begin);
  day_.prime_end = wall_time(local, hours.end);
}

std::int64_t PrimeTime::seconds(std::int64_t begin, std::int64_t length) {
  // What is beyond has no date, for localtime(3).
  constexpr std::int64_t kFarthest = 1LL << 55;
  if (begin < -kFarthest || begin > kFarthest) return 0;
  // Day after day only as long as a process can run; a damaged record may say
  // more.
  constexpr std::int64_t kLongest = 400 * 24 * kHour;
  if (length > kLongest) return share_of_weeks(holidays_, length);
  std::int64_t prime = 0;
  const std::int64_t end = begin + length;
  for (std::int64_t at = begin; at < end; at = day_.end) {
    move_to(at);
    const std::int64_t from = std::max(at, day_.prime_begin);
    const std::int64_t to = std::min(end, day_.prime_end);
    prime += std::max<std::int64_t>(to - from, 0);
  }
  return prime;
}

}  // namespace accounting
