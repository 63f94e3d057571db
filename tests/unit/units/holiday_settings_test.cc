// SPDX-License-Identifier: Apache-2.0
// The holidays file in TOML: each key, and each fault with its place.
#include "units/holiday_settings.h"

#include <set>
#include <string>

#include <doctest/doctest.h>

#include "core/holidays.h"
#include "tests/unit/units/manual_page.h"

namespace {

using core::Date;
using units::parse_holiday_settings;

constexpr std::string_view kHours =
    "[prime_time]\n"
    "weekday = ['07:30', '17:30']\n"
    "saturday = 'none'\n"
    "sunday = 'all'\n";

}  // namespace

TEST_CASE("prime time by kind of day, holidays of one year and of every") {
  const auto read = parse_holiday_settings(
      std::string(kHours) +
          "[holidays]\n12-25 = 'Christmas Day'\n02-29 = 'a leap day'\n"
          "2026-04-03 = 'Good Friday'\n2027-03-26 = 'Good Friday'\n",
      "f");
  REQUIRE(read);
  CHECK(read->weekday == core::DayHours{.begin = 27000, .end = 63000});
  CHECK(read->saturday == core::kNonePrime);
  CHECK(read->sunday == core::kAllPrime);
  CHECK_FALSE(read->year);
  CHECK(read->is_holiday({.year = 1999, .month = 11, .day = 25}));
  CHECK(read->is_holiday({.year = 2028, .month = 1, .day = 29}));
  CHECK(read->is_holiday({.year = 2026, .month = 3, .day = 3}));
  CHECK(read->is_holiday({.year = 2027, .month = 2, .day = 26}));
  CHECK_FALSE(read->is_holiday({.year = 2027, .month = 3, .day = 3}));
  CHECK_FALSE(read->is_holiday({.year = 2026, .month = 2, .day = 26}));
  CHECK(read->days.size() == 2);
}

TEST_CASE("what is wrong in it is named by file, line, key and value") {
  struct Row {
    std::string text;  ///< behind the hours
    std::string fault;
  };
  constexpr std::string_view kNoDay =
      ": there is no such day, expected a date as 2026-04-03, or as 12-25 for "
      "every year";
  const Row rows[] = {
      {"[holidays]\n2026-02-29 = 'x'\n",
       "f:6: holidays.2026-02-29" + std::string(kNoDay)},
      {"[holidays]\n13-01 = 'x'\n",
       "f:6: holidays.13-01" + std::string(kNoDay)},
      {"[holidays]\n4-3 = 'x'\n", "f:6: holidays.4-3" + std::string(kNoDay)},
      {"[holidays]\n0000-01-01 = 'x'\n",
       "f:6: holidays.0000-01-01" + std::string(kNoDay)},
      {"[holidays]\n12-25 = 1\n",
       "f:6: holidays.12-25: the value is 1, expected the holiday's name, a "
       "text"},
      {"monday = 'all'\n",
       "f:5: prime_time.monday: there is no such key, expected "
       "prime_time.weekday, prime_time.saturday, prime_time.sunday, or a date "
       "in [holidays]"},
      {"[colours]\n",
       "f:5: colours: there is no such key, expected prime_time.weekday, "
       "prime_time.saturday, prime_time.sunday, or a date in [holidays]"},
  };
  for (const Row& row : rows) {
    const auto read =
        parse_holiday_settings(std::string(kHours) + row.text, "f");
    REQUIRE_FALSE(read);
    REQUIRE(read.error().size() == 1);
    CHECK(read.error()[0] == row.fault);
  }
  for (const char* const value :
       {"'some'", "['17:30', '07:30']", "['07:30']", "['07:30', '24:01']",
        "['0730', '1730']", "['07:60', '17:30']", "730"}) {
    const auto read = parse_holiday_settings(
        "[prime_time]\nsaturday = 'all'\nsunday = 'all'\nweekday = " +
            std::string(value) + "\n",
        "f");
    REQUIRE_FALSE(read);
    CHECK(
        read.error()[0].starts_with("f:4: prime_time.weekday: the value is "));
    CHECK(read.error()[0].ends_with(
        "expected \"all\", \"none\", or when prime time begins and when it "
        "ends, as in [\"07:30\", \"17:30\"]"));
  }
  const auto none = parse_holiday_settings("", "f");
  REQUIRE_FALSE(none);
  CHECK(none.error().size() == 3);
}

TEST_CASE("holidays(5) has each line and key, and its examples are right") {
  const std::string page = page_of("holidays");
  const std::set<std::string> rows = rows_of(page);
  for (const core::KindOfDay& kind : core::kKindsOfDay) {
    CAPTURE(kind.name);
    CHECK(rows.contains(std::string(kind.name)));
    CHECK(rows.contains("prime_time." + std::string(kind.name)));
  }
  for (const char* const word : {"HOLIDAYFILE_VERSION1", "YEAR", "holidays."})
    CHECK(rows.contains(word));
  const auto read =
      parse_holiday_settings(example_of(page, "[prime_time]"), "example");
  REQUIRE(read);
  CHECK(read->days.size() == 1);
}
