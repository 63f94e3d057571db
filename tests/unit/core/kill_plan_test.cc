// SPDX-License-Identifier: Apache-2.0
// The kill plan: each step, when it is due, and that it never gives up.
#include "core/kill_plan.h"

#include <doctest/doctest.h>

namespace {

using namespace core;

constexpr BootTime kNow{1000000};
constexpr KillPlan kSoft = {.first_signal = kSigterm, .grace = seconds(5)};
constexpr KillPlan kHard = {.first_signal = kSigkill, .grace = seconds(5)};
constexpr KillPlan kNoGrace = {.first_signal = kSigterm,
                               .grace = Microseconds()};

}  // namespace

TEST_CASE("a soft plan asks first and waits its grace") {
  const KillProgress asked = begin_kill({}, kSoft, kNow);
  CHECK(asked.step == KillStep::kAsked);
  CHECK(asked.deadline == kNow + seconds(5));
}

TEST_CASE("SIGKILL and no grace kill at once") {
  for (const KillPlan& plan : {kHard, kNoGrace}) {
    const KillProgress killed = begin_kill({}, plan, kNow);
    CHECK(killed.step == KillStep::kKilled);
    CHECK(killed.deadline == kNow + kKillPatience);
  }
}

TEST_CASE("a harsher request replaces a softer step, never the reverse") {
  KillProgress progress = begin_kill({}, kSoft, kNow);
  CHECK(begin_kill(progress, kSoft, kNow + seconds(1)).deadline ==
        progress.deadline);
  progress = begin_kill(progress, kHard, kNow + seconds(1));
  CHECK(progress.step == KillStep::kKilled);
  for (const KillPlan& plan : {kSoft, kHard}) {
    const KillProgress same = begin_kill(progress, plan, kNow + seconds(2));
    CHECK(same.step == KillStep::kKilled);
    CHECK(same.deadline == progress.deadline);
  }
}

TEST_CASE("a shorter grace shortens the one that runs, a longer one does not") {
  const KillProgress asked = begin_kill({}, kSoft, kNow);
  const BootTime later = kNow + seconds(1);
  const auto with = [&](Microseconds grace) {
    return begin_kill(asked, {.first_signal = kSigterm, .grace = grace}, later);
  };
  CHECK(with(milliseconds(500)).step == KillStep::kAsked);
  CHECK(with(milliseconds(500)).deadline == later + milliseconds(500));
  CHECK(with(seconds(4)).deadline == asked.deadline);
  CHECK(with(seconds(60)).deadline == asked.deadline);
  CHECK(with(Microseconds()).step == KillStep::kKilled);
  // What is being killed has no grace left to shorten.
  const KillProgress killed = advance_kill(asked, asked.deadline);
  CHECK(begin_kill(killed, kSoft, kNow).deadline == killed.deadline);
}

TEST_CASE("nothing is due before its time") {
  CHECK(advance_kill({}, BootTime(UINT64_MAX)).step == KillStep::kNone);
  const KillProgress asked = begin_kill({}, kSoft, kNow);
  CHECK(advance_kill(asked, kNow + milliseconds(4999)).step ==
        KillStep::kAsked);
  CHECK(advance_kill(asked, asked.deadline).step == KillStep::kKilled);
}

TEST_CASE("what does not die is frozen and killed for ever, ever more slowly") {
  KillProgress progress = begin_kill({}, kSoft, kNow);
  progress = advance_kill(progress, progress.deadline);
  CHECK(progress.step == KillStep::kKilled);
  Microseconds last;
  for (int round = 0; round < 100; ++round) {
    const BootTime due = progress.deadline;
    progress = advance_kill(progress, due);
    CHECK(progress.step == KillStep::kFrozenKilled);
    const Microseconds pause = progress.deadline - due;
    CHECK(pause >= last);
    CHECK(pause <= kKillPauseMost);
    CHECK(pause >= milliseconds(200));
    last = pause;
  }
  CHECK(last == kKillPauseMost);
}

TEST_CASE("what is done about stragglers has one word each way") {
  CHECK(parse_stragglers("end") == Stragglers::kEnd);
  CHECK(parse_stragglers("kill") == Stragglers::kKill);
  CHECK(parse_stragglers("linger") == Stragglers::kLinger);
  CHECK(name_of(Stragglers::kKill) == "kill");
  for (const char* wrong : {"", "End", "killed", "none"})
    CHECK_FALSE(parse_stragglers(wrong));
}
