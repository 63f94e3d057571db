// SPDX-License-Identifier: Apache-2.0
// `--limit NAME=VALUE`, and the two /proc texts that limits are held by.
#include "reaper/limit_options.h"

#include <string_view>

#include <doctest/doctest.h>

#include "sys/own_cgroup.h"
#include "sys/proc_files.h"

namespace {

using core::LimitUnit;
using reaper::parse_amount;

struct AmountRow {
  LimitUnit unit;
  std::string_view text;
  std::uint64_t amount;  ///< 0: refused
};

constexpr AmountRow kAmounts[] = {
    {LimitUnit::kMicroseconds, "30s", 30000000},
    {LimitUnit::kMicroseconds, "30", 30000000},
    {LimitUnit::kMicroseconds, "500ms", 500000},
    {LimitUnit::kMicroseconds, "5m", 300000000},
    {LimitUnit::kMicroseconds, "2h", 7200000000},
    {LimitUnit::kMicroseconds, "0", 0},
    {LimitUnit::kMicroseconds, "", 0},
    {LimitUnit::kMicroseconds, "s", 0},
    {LimitUnit::kMicroseconds, "-1s", 0},
    {LimitUnit::kMicroseconds, "1.5s", 0},
    {LimitUnit::kMicroseconds, "5M", 0},
    {LimitUnit::kMicroseconds, "5mss", 0},
    {LimitUnit::kMicroseconds, "1h30m", 5400000000},
    {LimitUnit::kMicroseconds, "99999999999999999999s", 0},
    {LimitUnit::kMicroseconds, "4611686018427h", 0},
    {LimitUnit::kBytes, "4096", 4096},
    {LimitUnit::kBytes, "1K", 1024},
    {LimitUnit::kBytes, "64M", 67108864},
    {LimitUnit::kBytes, "3G", 3221225472},
    {LimitUnit::kBytes, "2T", 2199023255552},
    {LimitUnit::kBytes, "4194303T", 4194303ULL << 40U},
    {LimitUnit::kBytes, "4194304T", 0},
    {LimitUnit::kBytes, "1k", 0},
    {LimitUnit::kBytes, "1KB", 0},
    {LimitUnit::kBytes, "1 K", 0},
    {LimitUnit::kCount, "20", 20},
    {LimitUnit::kCount, "20K", 0},
    {LimitUnit::kCount, "20s", 0},
    {LimitUnit::kCount, "18446744073709551616", 0},
};

}  // namespace

TEST_CASE("amounts with their suffixes") {
  for (const AmountRow& row : kAmounts) {
    CAPTURE(row.text);
    CHECK(parse_amount(row.unit, row.text).value_or(0) == row.amount);
  }
}

TEST_CASE("each limit goes to its place, the last of a name counts") {
  core::JobLimits limits;
  for (const char* text : {"wall=9", "cpu=1500ms", "memory=1M", "processes=7",
                           "files=8", "wall=10"})
    CHECK(reaper::parse_limit(limits, text));
  CHECK(limits.wall_time == core::seconds(10));
  CHECK(limits.cpu_time == core::milliseconds(1500));
  CHECK(limits.memory == core::Bytes(1 << 20));
  CHECK(limits.processes == 7);
  CHECK(limits.open_files == 8);
}

TEST_CASE("what is no limit is refused") {
  core::JobLimits limits;
  for (const char* text : {"", "=", "cpu", "cpu=", "none=1", "time=3", "CPU=1",
                           "cpu=1=2", " cpu=1", "memory=0"}) {
    CAPTURE(text);
    CHECK_FALSE(reaper::parse_limit(limits, text));
  }
  CHECK_FALSE(limits.has_more_than_wall_time());
}

TEST_CASE("our own memory cgroup, of either version") {
  using sys::memory_cgroup_in;
  const auto v1 = memory_cgroup_in(
      "9:name=systemd:/x\n4:memory:/a/b c\n3:cpuset:/\n0::/unified\n");
  CHECK((v1.is_v1 && v1.path == "/a/b c"));
  const auto v2 = memory_cgroup_in("1:name=systemd:/x\n0::/user.slice/y\n");
  CHECK((!v2.is_v1 && v2.path == "/user.slice/y"));
  CHECK(memory_cgroup_in("4:memory:/last").path == "/last");
  CHECK(memory_cgroup_in("").path.empty());
  CHECK(memory_cgroup_in("5:cpu:/only\n").path.empty());
}

TEST_CASE("a counter of out-of-memory kills that cannot be read is absent") {
  CHECK_FALSE(sys::OomWatch().new_kills());
  CHECK_FALSE(sys::read_value(-1, "oom_kill"));
  CHECK(sys::value_of("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
                      "oom_kill") == 3);
}

TEST_CASE("a process's own time and that of the children it waited for") {
  const auto stat = sys::parse_proc_stat(
      "7 (a) S 1 7 7 0 -1 4194560 1 2 3 4 50 6 700 8 20 0 1 0 99 0 0");
  REQUIRE(stat);
  CHECK(stat->cpu_ticks == 56);
  CHECK(stat->waited_ticks == 708);
}
