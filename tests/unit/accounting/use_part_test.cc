// SPDX-License-Identifier: Apache-2.0
// What reports and their index add up of hostile numbers.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "accounting/index/index_rows.h"
#include "accounting/job_facts.h"
#include "accounting/request_runs.h"
#include "accounting/use_rows.h"

namespace {

using accounting::JobPart;
using accounting::index::JobBunch;
namespace csa = accounting::csa;

std::vector<JobPart> taken_from(const JobBunch& bunch, bool& is_good) {
  std::vector<JobPart> parts;
  is_good = accounting::index::unpack(
      bunch, [&](const JobPart& part) { parts.push_back(part); });
  return parts;
}

JobBunch bunch_of_one() {
  JobPart part;
  part.jid = 7;
  part.start.name = "a job";
  part.start.asked = {{core::LimitKind::kMemory, 1U << 20U}};
  JobBunch bunch;
  accounting::index::add(bunch, part);
  return bunch;
}

accounting::JobFacts asked_by(std::int64_t mem_reserved, std::int16_t ncpus) {
  accounting::Group group;
  group.head.type = static_cast<std::uint8_t>(csa::RecordType::kWorkload);
  group.workload.emplace();
  group.workload->jid = 7;
  group.workload->mem_reserved = mem_reserved;
  group.workload->ncpus = ncpus;
  accounting::JobFinder finder({.jid = 7, .name = {}});
  finder.add(group);
  return std::move(finder).finish().at(0);
}

}  // namespace

TEST_CASE("a sum of use stays at its bound whatever damaged records say") {
  accounting::UseSum sum;
  sum.add(UINT64_MAX);
  sum.add(5);
  CHECK(sum.value == UINT64_MAX);
  CHECK(sum.known == 2);
  accounting::UseSum other;
  other.add_at_least(9);
  other.join(sum);
  CHECK(other.value == UINT64_MAX);
  accounting::UseRow row;
  row.user_us = sum;
  row.system_us = other;
  CHECK(row.cpu_us() == UINT64_MAX);
}

TEST_CASE("of an index's row only what was written of jobs is taken") {
  bool is_good = false;
  const JobBunch bunch = bunch_of_one();
  const auto parts = taken_from(bunch, is_good);
  CHECK(is_good);
  REQUIRE(parts.size() == 1);
  CHECK(parts[0].start.asked.size() == 1);
  JobBunch other = bunch;
  for (std::size_t size = 0; size < bunch.bytes.size(); ++size) {
    other.bytes = bunch.bytes.substr(0, size);
    CHECK(taken_from(other, is_good).empty());
    CHECK(!is_good);
  }
  SUBCASE("more jobs, or fewer") {
    for (const std::uint64_t jobs : {std::uint64_t{0}, UINT64_MAX}) {
      other = {.jobs = jobs, .bytes = bunch.bytes};
      (void)taken_from(other, is_good);
      CHECK(!is_good);
    }
  }
  SUBCASE("a number in more bytes than it has, or beyond its type") {
    // The jid; whether the job has a start.
    other.bytes = "\x87" + std::string(1, '\0') + bunch.bytes.substr(1);
    CHECK(taken_from(other, is_good).empty());
    CHECK(!is_good);
    other.bytes = bunch.bytes;
    other.bytes[2] = 2;
    CHECK(taken_from(other, is_good).empty());
    CHECK(!is_good);
  }
  SUBCASE("bounds that its bytes do not hold") {
    // There is one: its kind, and 2^20 in three bytes.
    other.bytes = bunch.bytes;
    for (const char bounds : {'\2', '\3'}) {
      other.bytes[bunch.bytes.size() - 5] = bounds;
      CHECK(taken_from(other, is_good).empty());
      CHECK(!is_good);
    }
  }
}

TEST_CASE("what a batch request says that it was promised is positive") {
  CHECK(asked_by(4, 2).asked.size() == 2);
  CHECK(asked_by(4, 2).asked.at(0).bound == 4096);
  CHECK(asked_by(INT64_MIN, -1).asked.empty());
  CHECK(asked_by(INT64_MAX, 0).asked.empty());
  CHECK(asked_by(-9187201950435737472, 0).asked.empty());
}

TEST_CASE(
    "how long a batch request waited is bounded whatever its record says") {
  csa::Workload begun = {};
  begun.jid = 7;
  begun.type = 3;  // begun
  begun.time = INT64_MIN + 5;
  begun.enter_time = 1000;
  accounting::RequestRuns runs;
  runs.add(begun, {});
  REQUIRE(runs.requests().size() == 1);
  REQUIRE(runs.requests()[0].runs.size() == 1);
  CHECK(runs.requests()[0].runs[0].record.qwtime == INT64_MIN);
}
