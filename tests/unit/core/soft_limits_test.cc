// SPDX-License-Identifier: Apache-2.0
// Soft bounds and idle time in the job machine: told once, with the chosen
// signal; read at the earliest breach, and ended by the limit's own action.
#include <csignal>

#include <doctest/doctest.h>

#include "core/job_machine.h"
#include "core/limit_watch.h"
#include "job_samples.h"

namespace {

using namespace core;
using samples::after;
using samples::count_of;
using samples::exited;
using samples::find;
using samples::job_in;

constexpr std::uint64_t kSecond = 1000000;

/// It began at second 3.
Job running_with(const LimitTerms& terms) {
  JobSpec spec = samples::spec();
  set_terms(spec.limits, spec.terms, terms);
  return job_in(JobState::kRunning, spec);
}

event::CpuRead read(std::uint64_t milliseconds_used) {
  return {.used = milliseconds(milliseconds_used), .processors = 2};
}

event::LimitsChanged change(const LimitTerms& terms) {
  event::LimitsChanged changed;
  set_terms(changed.limits, changed.terms, terms);
  return changed;
}

constexpr LimitTerms kWall = {
    .kind = LimitKind::kWallTime, .bound = 20 * kSecond, .soft = 10 * kSecond};

}  // namespace

TEST_CASE("over a soft bound the job is told once and goes on") {
  Job job = running_with(kWall);
  CHECK(wall_breach(job) == samples::at(13).boot);
  Step now = after(job, 13, event::TimerFired{JobTimer::kLimit});
  REQUIRE(count_of<effect::Signal>(now.effects) == 1);
  CHECK(find<effect::Signal>(now.effects)->signal == SignalNumber(SIGXCPU));
  CHECK(find<effect::Signal>(now.effects)->target == SignalTarget::kAll);
  CHECK_FALSE(find<effect::Signal>(now.effects)->wakes);
  REQUIRE(count_of<effect::TellLimit>(now.effects) == 1);
  CHECK(find<effect::TellLimit>(now.effects)->hit.value == 10 * kSecond);
  CHECK(find<effect::TellLimit>(now.effects)->hit.bound == 10 * kSecond);
  CHECK(now.job.state == JobState::kRunning);
  CHECK_FALSE(now.job.limit_hit);
  // The timer stands at the hard one now.
  CHECK(find<effect::SetTimer>(now.effects)->deadline == samples::at(23).boot);
  const Step again = after(now.job, 14, event::TimerFired{JobTimer::kLimit});
  CHECK(count_of<effect::Signal>(again.effects) == 0);
  CHECK(count_of<effect::TellLimit>(again.effects) == 0);
  now = after(again.job, 23, event::TimerFired{JobTimer::kLimit});
  REQUIRE(now.job.limit_hit);
  CHECK(now.job.limit_hit->bound == 20 * kSecond);
}

TEST_CASE("the signal over a soft bound is the one that was chosen") {
  LimitTerms terms = kWall;
  terms.signal = SignalNumber(SIGUSR1);
  const Step now =
      after(running_with(terms), 14, event::TimerFired{JobTimer::kLimit});
  CHECK(find<effect::Signal>(now.effects)->signal == SignalNumber(SIGUSR1));
}

TEST_CASE("a soft bound without a hard one ends nothing") {
  Job job = running_with({.kind = LimitKind::kWallTime, .soft = 10 * kSecond});
  const Step now = after(job, 13, event::TimerFired{JobTimer::kLimit});
  CHECK(count_of<effect::TellLimit>(now.effects) == 1);
  CHECK(count_of<effect::SetTimer>(now.effects) == 0);
  CHECK_FALSE(
      after(now.job, 99, event::TimerFired{JobTimer::kLimit}).job.limit_hit);
}

TEST_CASE("the limit's own action and grace end the job") {
  LimitTerms terms = kWall;
  terms.action = SignalNumber(SIGINT);
  terms.grace = seconds(7);
  Step now =
      after(running_with(terms), 23, event::TimerFired{JobTimer::kLimit});
  CHECK(find<effect::Signal>(now.effects)->signal == SignalNumber(SIGINT));
  CHECK(now.job.kill.deadline == samples::at(30).boot);
  terms.action = kSigkill;
  now = after(running_with(terms), 23, event::TimerFired{JobTimer::kLimit});
  CHECK(count_of<effect::KillAll>(now.effects) == 1);
}

TEST_CASE("processor time is read for the soft bound first") {
  Job job = running_with({.kind = LimitKind::kCpuTime,
                          .bound = 20 * kSecond,
                          .soft = 10 * kSecond});
  Step now = after(job, 3, read(0));
  CHECK(find<effect::SetTimer>(now.effects)->deadline == samples::at(8).boot);
  now = after(now.job, 8, read(10000));
  CHECK(count_of<effect::TellLimit>(now.effects) == 1);
  CHECK(find<effect::SetTimer>(now.effects)->deadline == samples::at(13).boot);
  now = after(now.job, 13, read(20000));
  CHECK(now.job.limit_hit->bound == 20 * kSecond);
}

TEST_CASE("a soft bound that becomes another can be passed again") {
  Job job =
      after(running_with(kWall), 13, event::TimerFired{JobTimer::kLimit}).job;
  LimitTerms terms = kWall;
  terms.bound = 30 * kSecond;
  Step now = after(job, 14, change(terms));
  CHECK(count_of<effect::TellLimit>(now.effects) == 0);  // it is the same
  terms.soft = 11 * kSecond;
  now = after(now.job, 15, change(terms));
  CHECK(count_of<effect::TellLimit>(now.effects) == 1);  // passed at once
}

TEST_CASE("who holds the bound tells of the soft one") {
  Job job = running_with(
      {.kind = LimitKind::kMemory, .bound = 100 << 20, .soft = 50 << 20});
  event::LimitPassed passed{
      .kind = LimitKind::kMemory, .value = 40 << 20, .is_soft = true};
  CHECK(after(job, 5, passed).effects.empty());  // not there yet
  passed.value = 50 << 20;
  const Step now = after(job, 6, passed);
  CHECK(count_of<effect::TellLimit>(now.effects) == 1);
  CHECK(count_of<effect::Signal>(now.effects) == 1);
  // Whoever slowed it down for that does so no more.
  CHECK(count_of<effect::HoldLimits>(now.effects) == 1);
  CHECK_FALSE(now.job.limit_hit);
  CHECK(after(now.job, 7, passed).effects.empty());
}

TEST_CASE("a job that does nothing is read when its time is over") {
  Job job = running_with({.kind = LimitKind::kIdleTime, .bound = 50 * kSecond});
  CHECK(needs_readings(job));
  Step now = after(job, 4, read(5));
  // It worked: it is looked at again within half a hundredth.
  CHECK(find<effect::SetTimer>(now.effects)->deadline ==
        samples::at(4).boot + milliseconds(250));
  now = after(now.job, 5, read(5));
  // It did nothing: likewise, as it may work for a moment.
  CHECK(find<effect::SetTimer>(now.effects)->deadline ==
        samples::at(5).boot + milliseconds(250));
  Step last = now;
  for (std::uint64_t second = 6; second <= 53; ++second)
    last = after(last.job, second, read(5));
  CHECK_FALSE(last.job.limit_hit);
  Moment before = samples::at(53);
  before.boot = before.boot + milliseconds(900);
  last = step(last.job, {.job = last.job.jid, .when = before, .body = read(5)});
  CHECK(find<effect::SetTimer>(last.effects)->deadline == samples::at(54).boot);
  CHECK(
      after(now.job, 54, event::TimerFired{JobTimer::kLimit}).effects.size() ==
      1);  // it is read
  CHECK_FALSE(after(now.job, 53, read(5)).job.limit_hit);
  const Step over = after(now.job, 54, read(5));
  REQUIRE(over.job.limit_hit);
  CHECK(over.job.limit_hit->kind == LimitKind::kIdleTime);
  CHECK(over.job.limit_hit->value == 50 * kSecond);
  // One microsecond of work and it begins anew.
  const Step worked = after(now.job, 54, read(6));
  CHECK_FALSE(worked.job.limit_hit);
  CHECK(find<effect::SetTimer>(worked.effects)->deadline ==
        samples::at(54).boot + milliseconds(250));
}

TEST_CASE("what stands still by request is not idle") {
  Job job = running_with({.kind = LimitKind::kIdleTime, .bound = 10 * kSecond});
  job = after(job, 4, read(5)).job;
  job = after(job, 5, read(5)).job;
  job =
      after(job, 6, event::FreezeRequested{.by = Uid(1), .freezes = true}).job;
  job = after(job, 6, event::FreezeDone{.is_frozen = true}).job;
  Step now = after(job, 20, read(5));
  CHECK_FALSE(now.job.limit_hit);
  CHECK(count_of<effect::SetTimer>(now.effects) == 0);
  now = after(now.job, 30,
              event::FreezeRequested{.by = Uid(1), .freezes = false});
  CHECK(count_of<effect::ReadCpu>(now.effects) == 1);  // long not read
  now = after(now.job, 30, read(5));
  CHECK_FALSE(now.job.limit_hit);
  CHECK_FALSE(after(now.job, 39, read(5)).job.limit_hit);
  CHECK(after(now.job, 40, read(5)).job.limit_hit);
}

TEST_CASE("what stands still with the job around it is not idle") {
  Job job = running_with({.kind = LimitKind::kIdleTime, .bound = 10 * kSecond});
  job = after(job, 4, read(5)).job;
  job = after(job, 5, read(5)).job;
  auto still = read(5);
  still.is_still = true;
  job = after(job, 20, still).job;
  CHECK_FALSE(job.limit_hit);
  job = after(job, 29, read(5)).job;
  CHECK_FALSE(job.limit_hit);
  CHECK(after(job, 30, read(5)).job.limit_hit);
}

TEST_CASE("who dies of a soft bound's signal was over that limit") {
  Job job =
      after(running_with(kWall), 13, event::TimerFired{JobTimer::kLimit}).job;
  const auto end = [&](const Job& of, std::int32_t status) {
    return after(after(of, 14, exited(samples::kMainPid, status)).job, 15,
                 event::Emptied{})
        .job.result;
  };
  const JobResult result = end(job, SIGXCPU);
  CHECK(result.reason == Reason::kOverLimit);
  CHECK(result.limit.kind == LimitKind::kWallTime);
  CHECK(result.limit.bound == 10 * kSecond);
  CHECK(end(job, SIGUSR1).reason == Reason::kSignalled);
  CHECK(end(running_with(kWall), SIGXCPU).reason == Reason::kSignalled);
}

TEST_CASE("who dies of writing too much was over its limit of file size") {
  Job job = running_with({.kind = LimitKind::kFileSize, .bound = 4096});
  job = after(job, 5, exited(samples::kMainPid, SIGXFSZ)).job;
  const JobResult result = after(job, 6, event::Emptied{}).job.result;
  CHECK(result.reason == Reason::kOverLimit);
  CHECK(result.limit.kind == LimitKind::kFileSize);
  CHECK(result.limit.bound == 4096U);
}

TEST_CASE("after a crash idleness is read again") {
  const auto effects = resume(
      running_with({.kind = LimitKind::kIdleTime, .bound = 10 * kSecond}));
  CHECK(count_of<effect::ReadCpu>(effects) == 1);
}

TEST_CASE("after a crash a limit's own signal goes on asking") {
  LimitTerms terms = kWall;
  terms.action = SignalNumber(SIGUSR1);
  Job job = running_with(terms);
  job = after(job, 5,
              event::LimitPassed{.kind = LimitKind::kWallTime, .value = {}})
            .job;
  REQUIRE(job.kill.step == KillStep::kAsked);
  const auto effects = resume(job);
  REQUIRE(count_of<effect::Signal>(effects) == 1);
  CHECK(find<effect::Signal>(effects)->signal == SignalNumber(SIGUSR1));
}
