// SPDX-License-Identifier: Apache-2.0
// Freezing and thawing in the job machine.
#include <doctest/doctest.h>

#include "core/job_machine.h"
#include "job_samples.h"

namespace {

using namespace core;
using samples::after;
using samples::count_of;
using samples::exited;
using samples::find;
using samples::running;

event::FreezeRequested freeze_request(bool freezes) {
  return {.by = Uid(1000), .freezes = freezes};
}

Job frozen() {
  const Job job = after(running(), 10, freeze_request(true)).job;
  return after(job, 11, event::FreezeDone{.is_frozen = true}).job;
}

}  // namespace

TEST_CASE("a job is frozen and thawed, each once") {
  Step now = after(running(), 10, freeze_request(true));
  CHECK(now.job.freezing == Freezing::kAsked);
  REQUIRE(count_of<effect::Freeze>(now.effects) == 1);
  CHECK(find<effect::Freeze>(now.effects)->freezes);
  CHECK(count_of<effect::Announce>(now.effects) == 1);
  CHECK(after(now.job, 11, freeze_request(true)).effects.empty());
  CHECK(count_of<effect::Freeze>(resume(now.job)) == 1);
  now = after(now.job, 12, event::FreezeDone{.is_frozen = true});
  CHECK(now.job.freezing == Freezing::kFrozen);
  CHECK(after(now.job, 13, freeze_request(true)).effects.empty());
  now = after(now.job, 14, freeze_request(false));
  CHECK(now.job.freezing == Freezing::kNo);
  CHECK_FALSE(find<effect::Freeze>(now.effects)->freezes);
  CHECK(after(now.job, 15, freeze_request(false)).effects.empty());
  // A crash came before the thaw, perhaps.
  REQUIRE(count_of<effect::Freeze>(resume(now.job)) == 1);
  const auto again = resume(now.job);
  CHECK_FALSE(find<effect::Freeze>(again)->freezes);
  CHECK(after(now.job, 16, event::FreezeDone{.is_frozen = true}).job.freezing ==
        Freezing::kNo);
}

TEST_CASE("what was frozen only in part may be asked again") {
  Job job = after(running(), 10, freeze_request(true)).job;
  job = after(job, 11, event::FreezeDone{.is_frozen = false}).job;
  CHECK(job.freezing == Freezing::kPartly);
  CHECK(after(job, 12, freeze_request(true)).job.freezing == Freezing::kAsked);
}

TEST_CASE("a frozen job is thawed before it is asked to end, and not again") {
  const Step now =
      after(frozen(), 20, samples::end_requested(samples::spec().kill_plan));
  CHECK(now.job.freezing == Freezing::kNo);
  REQUIRE(count_of<effect::Freeze>(now.effects) == 1);
  CHECK_FALSE(find<effect::Freeze>(now.effects)->freezes);
  CHECK(std::holds_alternative<effect::Freeze>(now.effects.front()));
  CHECK(count_of<effect::Signal>(now.effects) == 1);
  CHECK(after(now.job, 21, freeze_request(true)).effects.empty());
  // A crash between the thaw and the signal must not leave it asleep.
  const std::vector<Effect> again = resume(now.job);
  REQUIRE(count_of<effect::Freeze>(again) == 1);
  CHECK_FALSE(find<effect::Freeze>(again)->freezes);
}

TEST_CASE("the main process's end thaws what it leaves behind") {
  Step now = after(frozen(), 20, exited(samples::kMainPid, 9));
  CHECK(now.job.freezing == Freezing::kFrozen);
  now = after(now.job, 21, event::Populated{.count = 2, .names = {}});
  CHECK(now.job.freezing == Freezing::kNo);
  CHECK(after(frozen(), 22, exited(samples::kMainPid, 9)).job.state ==
        JobState::kEnding);
}
