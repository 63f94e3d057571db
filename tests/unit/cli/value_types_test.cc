// SPDX-License-Identifier: Apache-2.0
#include "cli/value_types.h"

#include <doctest/doctest.h>

TEST_CASE("durations have units; a bare number is seconds") {
  struct Case {
    const char* text;
    std::uint64_t microseconds;
  };
  for (const Case& c : {Case{"0", 0},
                        {"7", 7'000'000},
                        {"250us", 250},
                        {"500ms", 500'000},
                        {"30s", 30'000'000},
                        {"5m", 300'000'000},
                        {"5min", 300'000'000},
                        {"2h", 7'200'000'000},
                        {"1d", 86'400'000'000},
                        {"1h30m", 5'400'000'000}}) {
    CAPTURE(c.text);
    const auto parsed = cli::parse_duration(c.text);
    REQUIRE(parsed.has_value());
    CHECK(parsed->raw() == c.microseconds);
  }
}

TEST_CASE("what is no duration is refused") {
  for (const char* text : {"", "s", "-1", "1.5s", "5x", "5 s", "99999999999d",
                           "3650d1s", "18446744073709551616"}) {
    CAPTURE(text);
    CHECK_FALSE(cli::parse_duration(text).has_value());
  }
}

TEST_CASE("signals have names and numbers") {
  CHECK(cli::parse_signal("TERM")->raw() == 15);
  CHECK(cli::parse_signal("SIGTERM")->raw() == 15);
  CHECK(cli::parse_signal("sigkill")->raw() == 9);
  CHECK(cli::parse_signal("usr1")->raw() == 10);
  CHECK(cli::parse_signal("1")->raw() == 1);
  CHECK(cli::parse_signal("RTMIN")->raw() == 34);
  CHECK(cli::parse_signal("RTMIN+3")->raw() == 37);
  CHECK(cli::parse_signal("64")->raw() == 64);
  for (const char* text : {"", "0", "65", "-9", "SIG", "TERMINATE", "9x"}) {
    CAPTURE(text);
    CHECK_FALSE(cli::parse_signal(text).has_value());
  }
}

TEST_CASE("a limit has a key and a bound above zero") {
  const auto changes = cli::parse_limit_changes("wall=30s,files=none");
  REQUIRE(changes);
  REQUIRE(changes->size() == 2);
  CHECK(changes->front().kind == core::LimitKind::kWallTime);
  CHECK(changes->front().bound == 30'000'000);
  CHECK(changes->back().kind == core::LimitKind::kOpenFiles);
  CHECK_FALSE(changes->back().bound);
  CHECK(cli::parse_limit_changes("memory=64K")->front().bound == 65536);
  for (const char* text : {"wall", "wall=", "wall=0", "wal=3s", "30s", "none",
                           "wall=None", "=none", "", "wall=1s,", "cpu=1s,x"}) {
    CAPTURE(text);
    CHECK_FALSE(cli::parse_limit_changes(text).has_value());
  }
}

TEST_CASE("a time is of a local day, or seconds since 1970") {
  CHECK(cli::parse_time("@1795303530") == std::uint64_t{1795303530000000});
  const auto day = cli::parse_day("2026-11-30");
  REQUIRE(day);
  CHECK(cli::parse_time("2026-11-30") == day);
  CHECK(cli::parse_time("2026-11-30 09:05") == *day + 32700000000U);
  CHECK(cli::parse_time("2026-11-30 09:05:07") == *day + 32707000000U);
  for (const char* const wrong :
       {"", "@", "@0", "@-1", "@18446744073710", "now", "2026-11-31",
        "2026-11-30T09:05", "2026-11-30 9:05", "2026-11-30 24:00",
        "2026-11-30 09:60", "2026-11-30 09:05:", "1969-12-31"})
    CHECK_FALSE(cli::parse_time(wrong));
  CHECK_FALSE(cli::parse_day("2026-11-30 09:05"));
}

TEST_CASE("every type of value has a row") {
  for (int i = 0; i <= static_cast<int>(cli::ValueType::kJid); ++i) {
    const auto type = static_cast<cli::ValueType>(i);
    CHECK(cli::row_of(type).type == type);
  }
}
