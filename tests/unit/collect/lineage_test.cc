// SPDX-License-Identifier: Apache-2.0
// Who is in which job by who forked whom: a process is never a job's by a
// guess.
#include "collect/lineage.h"

#include <doctest/doctest.h>

namespace {

using collect::Lineage;

constexpr std::uint64_t kNow = 100'000'000'000;
constexpr std::uint64_t kJob = 7;
constexpr std::uint64_t kOther = 8;
constexpr Lineage::Pid kReaper = 10;

std::optional<std::uint64_t> place_of(Lineage& lineage, Lineage::Pid pid) {
  const auto process = lineage.take(pid, kNow);
  REQUIRE(process);
  return process->family->place;
}

}  // namespace

TEST_CASE("children are where their parent is, others nowhere") {
  Lineage lineage;
  lineage.decide(20, kJob, kNow);
  CHECK_FALSE(lineage.fork(20, 21, kNow));
  CHECK_FALSE(lineage.fork(21, 22, kNow));
  CHECK_FALSE(lineage.fork(1, 23, kNow));
  CHECK(place_of(lineage, 22) == kJob);
  CHECK(place_of(lineage, 21) == kJob);
  CHECK_FALSE(lineage.knows(22));
  CHECK_FALSE(lineage.knows(23));
}

TEST_CASE("who is cloned into a job is undecided until it is told of") {
  Lineage lineage;
  lineage.add_cloner(kReaper);
  lineage.decide(kReaper, kOther, kNow);  // the reaper of a nested instance
  CHECK(lineage.fork(kReaper, 20, kNow));
  CHECK_FALSE(lineage.fork(20, 21, kNow));
  CHECK_FALSE(lineage.job_of(21));
  const auto ended = lineage.take(21, kNow);
  REQUIRE(ended);
  CHECK_FALSE(ended->family->place);
  CHECK(ended->family->cloner == kReaper);
  lineage.decide(20, kJob, kNow);
  CHECK(ended->family->place == kJob);  // also of those who are gone
  CHECK(lineage.job_of(20) == kJob);
}

TEST_CASE("who has ended before it is told of is decided all the same") {
  Lineage lineage;
  lineage.add_cloner(kReaper);
  CHECK(lineage.fork(kReaper, 20, kNow));
  const auto ended = lineage.take(20, kNow);
  REQUIRE(ended);
  lineage.decide(20, kJob, kNow);
  CHECK(ended->family->place == kJob);
  CHECK_FALSE(lineage.knows(20));
}

TEST_CASE("while processes are moved nothing is inherited") {
  Lineage lineage;
  lineage.decide(20, kJob, kNow);
  lineage.set_moving(true);
  CHECK(lineage.fork(20, 21, kNow));
  CHECK(lineage.was_moved(21));
  lineage.set_moving(false);
  CHECK_FALSE(lineage.fork(20, 22, kNow));
  CHECK_FALSE(place_of(lineage, 21));
  lineage.decide(20, kOther, kNow);  // it was moved; its child was not
  CHECK_FALSE(lineage.fork(20, 23, kNow));
  CHECK(place_of(lineage, 23) == kOther);
  CHECK(place_of(lineage, 22) == kJob);
}

TEST_CASE("a number that is given again is another process") {
  constexpr std::uint64_t kLater = kNow + 60'000'000'000;
  Lineage lineage;
  lineage.decide(20, kJob, kNow);
  CHECK_FALSE(lineage.fork(20, 21, kNow));
  // 21 has ended and its end is not read yet; the new one is nobody's.
  CHECK_FALSE(lineage.fork(1, 21, kLater));
  CHECK_FALSE(lineage.fork(21, 22, kLater));
  const auto first = lineage.take(21, kNow);
  REQUIRE(first);
  CHECK(first->family->place == kJob);
  const auto second = lineage.take(21, kLater);
  REQUIRE(second);
  CHECK(second->family->place == 0U);
  CHECK_FALSE(lineage.job_of(22));
}

TEST_CASE("one that began at another time is not taken for it") {
  Lineage lineage;
  lineage.decide(20, kJob, kNow);
  CHECK_FALSE(lineage.take(20, kNow + 10'000'000'000));
  CHECK(lineage.take(20, kNow - 1'000'000'000));
}
