// SPDX-License-Identifier: Apache-2.0
// `--limit NAME=VALUE`: amounts, names, what is refused.
#include "core/limit_text.h"

#include <string_view>

#include <doctest/doctest.h>

namespace {

using core::LimitUnit;
using core::parse_amount;

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
    {LimitUnit::kBytes, "2097151T", 2097151ULL << 40U},
    {LimitUnit::kBytes, "2097152T", 0},
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
    CHECK(core::parse_limit(limits, text));
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
    CHECK_FALSE(core::parse_limit(limits, text));
  }
  CHECK_FALSE(limits.has_more_than_wall_time());
}

TEST_CASE("limits are written as they are read") {
  core::JobLimits limits;
  CHECK(core::limit_text(limits).empty());
  for (const core::LimitKind kind : core::kLimitKinds)
    core::set_bound(limits, kind, core::largest_bound(kind));
  const auto text = core::limit_text(limits);
  CHECK_FALSE(text.was_cut());
  core::JobLimits again;
  REQUIRE(core::parse_limits(again, core::limit_text(limits).c_str()));
  for (const core::LimitKind kind : core::kLimitKinds)
    CHECK(core::bound_of(again, kind) == core::bound_of(limits, kind));
}
