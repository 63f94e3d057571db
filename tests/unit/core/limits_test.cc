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
  JobLimits limits;
  limits.wall_time = seconds(10);
  const BootTime start(3000000);
  CHECK(earliest_breach(limits, start) == BootTime(13000000));
  CHECK_FALSE(check(limits, start, BootTime(12999999)));
  const auto hit = check(limits, start, BootTime(13000000));
  REQUIRE(hit);
  CHECK(hit->kind == LimitKind::kWallTime);
  CHECK(hit->value == 10000000);
  CHECK(hit->bound == 10000000);
}

namespace {

CpuReading reading(Microseconds used, std::uint32_t processors,
                   bool is_idle = false) {
  return {.used = used,
          .when = BootTime(5000000),
          .processors = processors,
          .is_idle = is_idle};
}

/// How long after a reading the next one is due.
std::uint64_t pause_after(Microseconds bound, const CpuReading& cpu) {
  return (next_cpu_reading(bound, cpu) - cpu.when).raw();
}

}  // namespace

TEST_CASE("processor time is read at the earliest possible breach") {
  CHECK(pause_after(seconds(10), reading(seconds(0), 1)) == 10000000);
  CHECK(pause_after(seconds(10), reading(seconds(0), 4)) == 2500000);
  CHECK(pause_after(seconds(10), reading(seconds(9), 4)) == 250000);
  CHECK(pause_after(seconds(10), reading(seconds(9), 0)) == 1000000);
  // Not more often than every 10 ms; a job that does nothing still less.
  CHECK(pause_after(seconds(10), reading(milliseconds(9999), 2)) == 10000);
  CHECK(pause_after(seconds(1), reading(milliseconds(999), 2, true)) == 50000);
  CHECK(pause_after(seconds(100), reading(seconds(100), 2, true)) == 500000);
  // But with many processors often enough not to miss the tolerance.
  CHECK(pause_after(seconds(1), reading(milliseconds(999), 64)) == 1562);
  CHECK(cpu_tolerance(seconds(1)) == milliseconds(100));
  CHECK(cpu_tolerance(seconds(3600)) == seconds(36));
}

TEST_CASE("a job cannot pass the tolerance between two readings") {
  for (const std::uint32_t processors : {1U, 2U, 7U, 64U, 500U})
    for (const std::uint64_t left : {0U, 1U, 999U, 50000U, 900000U})
      for (const bool is_idle : {false, true}) {
        const Microseconds bound = seconds(1);
        const CpuReading cpu =
            reading(bound - Microseconds(left), processors, is_idle);
        const std::uint64_t most = pause_after(bound, cpu) * processors;
        CHECK(cpu.used.raw() + most <= (bound + cpu_tolerance(bound)).raw());
      }
}

TEST_CASE("a processor time limit is passed at its bound, by a reading only") {
  JobLimits limits;
  limits.cpu_time = seconds(2);
  const BootTime start(1000000);
  CHECK_FALSE(earliest_breach(limits, start));
  CHECK_FALSE(check(limits, start, BootTime(UINT64_MAX)));
  CHECK(earliest_breach(limits, start, reading(seconds(1), 2)) ==
        BootTime(5500000));
  CHECK_FALSE(check(limits, start, BootTime(9000000),
                    reading(Microseconds(1999999), 2)));
  const auto hit =
      check(limits, start, BootTime(9000000), reading(milliseconds(2010), 2));
  REQUIRE(hit);
  CHECK(hit->kind == LimitKind::kCpuTime);
  CHECK(hit->value == 2010000);
  CHECK(hit->bound == 2000000);
}

TEST_CASE("of two time limits the earlier one sets the time") {
  JobLimits limits;
  limits.wall_time = seconds(10);
  limits.cpu_time = seconds(2);
  const BootTime start(4000000);
  CHECK(earliest_breach(limits, start, reading(seconds(1), 1)) ==
        BootTime(6000000));
  CHECK(earliest_breach(limits, start) == BootTime(14000000));
  limits.wall_time = seconds(1);
  CHECK(earliest_breach(limits, start, reading(seconds(1), 1)) ==
        BootTime(5000000));
  // Both passed: wall time is named.
  const auto hit =
      check(limits, start, BootTime(6000000), reading(seconds(3), 1));
  REQUIRE(hit);
  CHECK(hit->kind == LimitKind::kWallTime);
}

TEST_CASE("memory, processes and files are the kernel's to hold") {
  JobLimits limits;
  limits.memory = Bytes(1);
  limits.processes = 1;
  limits.open_files = 1;
  CHECK(limits.has_more_than_wall_time());
  JobLimits wall_time;
  wall_time.wall_time = seconds(1);
  CHECK_FALSE(wall_time.has_more_than_wall_time());
  CHECK_FALSE(earliest_breach(limits, BootTime(1), reading(seconds(1), 1)));
  CHECK_FALSE(
      check(limits, BootTime(1), BootTime(UINT64_MAX), reading(seconds(9), 1)));
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
  CHECK(name_of(LimitKind::kLast) == "I/O operations");
  CHECK(row_of(LimitKind::kCpuTime).word == std::string_view("cpu"));
  CHECK(row_of(LimitKind::kMemory).unit == LimitUnit::kBytes);
  CHECK(name_of(static_cast<LimitKind>(99)) == "unknown");
}
