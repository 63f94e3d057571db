// SPDX-License-Identifier: Apache-2.0
// Prime time against a count of every minute, and what is said of files that
// are wrong.
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <random>

#include <doctest/doctest.h>

#include "accounting/billing/csa_conf.h"
#include "accounting/billing/holidays.h"
#include "accounting/bounded_sum.h"
#include "accounting/exact_sum.h"
#include "accounting/text/quantities.h"

namespace {

using accounting::CsaConf;
using accounting::ExactSum;
using accounting::Holidays;
using accounting::parse_holidays;
using accounting::PrimeTime;

constexpr std::string_view kHolidays =
    "* a comment\n"
    "HOLIDAYFILE_VERSION1\n"
    "YEAR *\n"
    "weekday 0730 1730\n"
    "saturday 0100 0400\n"
    "sunday none none\n"
    "1 Jan 1 New Year\n"
    "89 Mar 30 A Monday of 2026\n";

void set_zone(const char* zone) {
  ::setenv("TZ", zone, 1);
  ::tzset();
}

/// By asking the C library about each minute.
std::int64_t counted(std::int64_t begin, std::int64_t minutes) {
  std::int64_t seconds = 0;
  for (std::int64_t i = 0; i < minutes; ++i) {
    const std::time_t time = begin + i * 60;
    std::tm local = {};
    ::localtime_r(&time, &local);
    const int clock = local.tm_hour * 100 + local.tm_min;
    const bool is_holiday = (local.tm_mon == 0 && local.tm_mday == 1) ||
                            (local.tm_mon == 2 && local.tm_mday == 30);
    const bool is_prime = !is_holiday && local.tm_wday != 0 &&
                          (local.tm_wday == 6 ? clock >= 100 && clock < 400
                                              : clock >= 730 && clock < 1730);
    if (is_prime) seconds += 60;
  }
  return seconds;
}

std::string written(std::string_view text) {
  std::string path = "/tmp/corral-unit-conf." + std::to_string(::getpid());
  std::ofstream(path) << text;
  return path;
}

}  // namespace

TEST_CASE("prime time over years, holidays and days on which clocks change") {
  std::string faults;
  const Holidays holidays = parse_holidays(kHolidays, "holidays", faults);
  CAPTURE(faults);
  REQUIRE(faults.empty());
  std::mt19937_64 random(3);
  for (const char* zone : {"UTC", "America/New_York", "Europe/Berlin",
                           "Australia/Lord_Howe", "Asia/Kolkata"}) {
    set_zone(zone);
    PrimeTime prime(holidays);
    for (int i = 0; i < 60; ++i) {
      // Around the changes of 2026, and anywhere in fifty years.
      const std::int64_t base =
          i % 3 == 0 ? 1'772'928'000 +
                           static_cast<std::int64_t>(random() % 30) * 86'400
                     : static_cast<std::int64_t>(random() % 1'600'000'000);
      const std::int64_t begin = base / 60 * 60;
      const auto minutes = static_cast<std::int64_t>(random() % 6'000);
      CAPTURE(zone);
      CAPTURE(begin);
      REQUIRE(prime.seconds(begin, minutes * 60) == counted(begin, minutes));
    }
  }
  set_zone("UTC");
}

TEST_CASE("what is wrong in a holidays file is told with its line") {
  struct Case {
    const char* text;
    const char* told;
  };
  const Case cases[] = {
      {"YEAR 2026\n", "HOLIDAYFILE_VERSION1"},
      {"HOLIDAYFILE_VERSION1\n", "YEAR"},
      {"HOLIDAYFILE_VERSION1\nYEAR 20x6\n", "h:2: YEAR: '20x6'"},
      {"HOLIDAYFILE_VERSION1\nYEAR 2026\nweekday 0730 2561\n", "h:3: weekday:"},
      {"HOLIDAYFILE_VERSION1\nYEAR 2026\nweekday 1730 0730\n", "h:3: weekday:"},
      {"HOLIDAYFILE_VERSION1\nYEAR 2026\nJanember 99 x\n", "h:3:"},
  };
  for (const Case& one : cases) {
    std::string faults;
    (void)parse_holidays(one.text, "h", faults);
    CAPTURE(one.text);
    CHECK(faults.find(one.told) != std::string::npos);
  }
}

TEST_CASE("csa.conf: values, blanks, quotes, comments") {
  const std::string path = written(
      "# nothing\nCSABUILD\t-i\nMAIL_LIST \"root, adm\"\nP_BASIC 0.25\n"
      "NUM_HOLIDAYS 20\n");
  CsaConf conf(path);
  CHECK(conf.find("CSABUILD") == "-i");
  CHECK(conf.find("MAIL_LIST") == "root, adm");
  CHECK(conf.integer("NUM_HOLIDAYS", 1) == 20);
  CHECK(conf.real("P_BASIC", 1.0) == 0.25);
  CHECK(conf.take_complaints().empty());
  CHECK(conf.integer("NO_SUCH", 7) == 7);
  CHECK(!conf.take_complaints().empty());
  CHECK(!conf.find("CSA").has_value());
  ::unlink(path.c_str());
}

TEST_CASE("a sum of doubles loses nothing that is small beside what is large") {
  ExactSum sum;
  ExactSum other;
  constexpr double kLarge = 1e16;  // its neighbours are 2 away
  sum.add(kLarge);
  for (int i = 0; i < 1600; ++i)
    (i % 2 == 0 ? sum : other).add(0.25);
  CHECK(sum.value() == kLarge + 200);
  sum.add(other);
  CHECK(sum.value() == kLarge + 400);
  sum.add(-kLarge);
  CHECK(sum.value() == 400);
  sum.add(1e308);
  sum.add(1e308);
  CHECK(std::isinf(sum.value()));
}

TEST_CASE("a sum of counts stays at its bound whatever a damaged record says") {
  std::int64_t sum = 5;
  accounting::add_bounded(sum, std::int64_t{-7});
  CHECK(sum == -2);
  accounting::add_bounded(sum, INT64_MAX);
  accounting::add_bounded(sum, INT64_MAX);
  CHECK(sum == INT64_MAX);
  sum = -2;
  accounting::add_bounded(sum, INT64_MIN);
  CHECK(sum == INT64_MIN);
  std::int32_t small = INT32_MAX;
  accounting::add_bounded(small, 1);
  CHECK(small == INT32_MAX);
  CHECK(accounting::rounded(1.5) == 2);
  CHECK(accounting::rounded(9223372036854774784.0) == 9223372036854774784);
  CHECK(accounting::rounded(18446744073709551615.0) == INT64_MAX);
}
