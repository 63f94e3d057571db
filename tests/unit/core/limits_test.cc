// SPDX-License-Identifier: Apache-2.0
// Limits, and the amounts and times that they are made of.
#include "core/limits.h"

#include <doctest/doctest.h>

using namespace core;

TEST_CASE("no limit is never passed") {
  CHECK_FALSE(earliest_breach({}, BootTime(5)));
  CHECK_FALSE(check({}, BootTime(5), BootTime(UINT64_MAX)));
}

TEST_CASE("a wall time limit is passed at its bound, not before") {
  const JobLimits limits = {.wall_time = seconds(10)};
  const BootTime start(3000000);
  CHECK(earliest_breach(limits, start) == BootTime(13000000));
  CHECK_FALSE(check(limits, start, BootTime(12999999)));
  const auto hit = check(limits, start, BootTime(13000000));
  REQUIRE(hit);
  CHECK(hit->kind == LimitKind::kWallTime);
  CHECK(hit->value == 10000000);
  CHECK(hit->bound == 10000000);
}

TEST_CASE("amounts never fall below zero and compare within their unit") {
  CHECK(Bytes(3) + Bytes(4) == Bytes(7));
  CHECK(Bytes(3) - Bytes(4) == Bytes(0));
  CHECK(seconds(1) == milliseconds(1000));
  CHECK(seconds(1) < milliseconds(1001));
  CHECK(BootTime(5) - BootTime(9) == Microseconds(0));
  CHECK(BootTime(5) + Microseconds(4) == BootTime(9));
}

TEST_CASE("limits have names") {
  CHECK(name_of(LimitKind::kWallTime) == "wall time");
  CHECK(name_of(LimitKind::kNone) == "none");
  CHECK(name_of(static_cast<LimitKind>(99)) == "unknown");
}
