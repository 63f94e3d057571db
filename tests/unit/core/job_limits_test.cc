// SPDX-License-Identifier: Apache-2.0
// Limits in the job machine: readings of processor time, limits that others
// hold, limits that change.
#include <csignal>

#include <doctest/doctest.h>

#include "core/job_machine.h"
#include "job_samples.h"

namespace {

using namespace core;
using samples::after;
using samples::count_of;
using samples::exited;
using samples::find;
using samples::job_in;

/// It began at second 3.
Job running_with(const JobLimits& limits) {
  JobSpec spec = samples::spec();
  spec.limits = limits;
  return job_in(JobState::kRunning, spec);
}

JobLimits cpu_limit(std::uint64_t bound) {
  JobLimits limits;
  limits.cpu_time = seconds(bound);
  return limits;
}

event::CpuRead read(std::uint64_t used, std::uint32_t processors = 2) {
  return {.used = seconds(used), .processors = processors};
}

event::LimitsChanged change(const JobLimits& limits) {
  return {.by = Uid(1000), .limits = limits};
}

}  // namespace

TEST_CASE("processor time is read at its earliest breach, then it ends") {
  JobSpec spec = samples::spec();
  spec.limits = cpu_limit(10);
  const Job launching = job_in(JobState::kLaunching, spec);
  Step now = after(launching, 3, event::Launched{.pid = samples::kMainPid});
  CHECK(count_of<effect::ReadCpu>(now.effects) == 1);
  now = after(now.job, 3, read(0));
  REQUIRE(count_of<effect::SetTimer>(now.effects) == 1);
  // Two processors need five seconds for ten.
  CHECK(find<effect::SetTimer>(now.effects)->deadline == samples::at(8).boot);
  now = after(now.job, 8, event::TimerFired{JobTimer::kLimit});
  CHECK(count_of<effect::ReadCpu>(now.effects) == 1);
  CHECK_FALSE(now.job.limit_hit);
  now = after(now.job, 8, read(6));
  CHECK(find<effect::SetTimer>(now.effects)->deadline == samples::at(10).boot);
  now = after(now.job, 10, read(10));
  REQUIRE(now.job.limit_hit);
  CHECK(now.job.limit_hit->kind == LimitKind::kCpuTime);
  CHECK(now.job.limit_hit->value == 10000000);
  CHECK(count_of<effect::Signal>(now.effects) == 1);
  CHECK(after(now.job, 11, read(12)).effects.empty());
}

TEST_CASE("the subreaper's job counts those who have ended") {
  JobSpec spec = samples::spec();
  spec.limits = cpu_limit(10);
  Job job = job_in(JobState::kRunning, spec);
  job.engine = Engine::kSubreaper;
  event::ProcessExited end = exited(Pid(501));
  end.record.mark(Counters::kUsage);
  end.record.utime_us = 6000000;
  end.record.stime_us = 1000000;
  job = after(job, 4, end).job;
  CHECK_FALSE(after(job, 5, read(2)).job.limit_hit);
  CHECK(after(job, 5, read(3)).job.limit_hit);
  job.engine = Engine::kCgroup2;
  CHECK_FALSE(after(job, 5, read(3)).job.limit_hit);
}

TEST_CASE("time that was read once is not given back") {
  Job job = running_with(cpu_limit(10));
  job = after(job, 4, read(6)).job;
  job = after(job, 5, read(4)).job;
  CHECK(job.cpu->used == seconds(6));
  CHECK(job.cpu->is_idle);
}

TEST_CASE("limits are changed while the job runs, and passed at once") {
  Step now = after(running_with({}), 20, change(cpu_limit(5)));
  CHECK(count_of<effect::HoldLimits>(now.effects) == 1);
  CHECK(count_of<effect::ReadCpu>(now.effects) == 1);
  CHECK(after(now.job, 21, read(7)).job.limit_hit);
  JobLimits wall;
  wall.wall_time = seconds(10);
  now = after(now.job, 22, change(wall));
  REQUIRE(now.job.limit_hit);  // it began at 3
  CHECK(now.job.limit_hit->kind == LimitKind::kWallTime);
  CHECK(count_of<effect::Signal>(now.effects) == 1);
}

TEST_CASE("a limit that is taken away is forgotten, its timer too") {
  Job job = running_with(cpu_limit(5));
  job = after(job, 4, read(1)).job;
  const Step now = after(job, 5, change({}));
  CHECK(count_of<effect::ClearTimer>(now.effects) == 1);
  CHECK_FALSE(now.job.cpu);
  CHECK(after(now.job, 6, read(9)).effects.empty());
  CHECK_FALSE(
      after(now.job, 9, event::TimerFired{JobTimer::kLimit}).job.limit_hit);
}

TEST_CASE("before it runs a change is kept, behind its end it is none") {
  const Step early = after(job_in(JobState::kOpening), 2, change(cpu_limit(5)));
  CHECK(early.job.spec.limits.cpu_time == seconds(5));
  CHECK(count_of<effect::ReadCpu>(early.effects) == 0);
  CHECK(after(job_in(JobState::kClosing), 9, change(cpu_limit(5)))
            .effects.empty());
}

TEST_CASE("what the kernel killed for memory was over its limit") {
  JobLimits limits;
  limits.memory = Bytes(64 << 20);
  Job job = running_with(limits);
  job = after(job, 5, exited(samples::kMainPid, SIGKILL)).job;
  event::Emptied emptied;
  emptied.totals.oom_kills = 1;
  emptied.totals.memory_peak = Bytes(64 << 20);
  const JobResult result = after(job, 6, emptied).job.result;
  CHECK(result.reason == Reason::kOverLimit);
  CHECK(result.limit.kind == LimitKind::kMemory);
  CHECK(result.limit.bound == 64U << 20U);
  // The machine ran out, not the job.
  emptied.totals.memory_peak = Bytes(1 << 20);
  CHECK(after(job, 6, emptied).job.result.reason == Reason::kOutOfMemory);
}

TEST_CASE("the kernel's own limit of processor time is the job's") {
  Job job = running_with(cpu_limit(1));
  const auto end = [&](std::int32_t status, std::uint64_t used) {
    event::Emptied emptied;
    emptied.totals.user_time = seconds(used);
    emptied.totals.system_time = Microseconds();
    return after(after(job, 5, exited(samples::kMainPid, status)).job, 6,
                 emptied)
        .job.result.reason;
  };
  CHECK(end(SIGXCPU, 2) == Reason::kOverLimit);
  CHECK(end(SIGKILL, 2) == Reason::kOverLimit);
  CHECK(end(SIGKILL, 0) == Reason::kSignalled);
  CHECK(end(SIGTERM, 2) == Reason::kSignalled);
  CHECK(end(0, 2) == Reason::kExited);
}

TEST_CASE("a limit that its holder saw passed ends the job, once") {
  const event::LimitPassed passed{.kind = LimitKind::kMemory, .value = 9};
  CHECK(after(running_with({}), 5, passed).effects.empty());  // taken away
  JobLimits limits;
  limits.memory = Bytes(8);
  const Step now = after(running_with(limits), 5, passed);
  CHECK(now.job.limit_hit->value == 9);
  CHECK(now.job.limit_hit->bound == 8);
  CHECK(count_of<effect::Signal>(now.effects) == 1);
  CHECK(after(now.job, 6, passed).effects.empty());
  CHECK(after(job_in(JobState::kClosing), 9, passed).effects.empty());
}

TEST_CASE("after a crash limits are held and read again") {
  JobLimits limits = cpu_limit(5);
  limits.wall_time = seconds(60);
  const auto effects = resume(running_with(limits));
  CHECK(count_of<effect::HoldLimits>(effects) == 1);
  CHECK(count_of<effect::ReadCpu>(effects) == 1);
  CHECK(find<effect::SetTimer>(effects)->deadline == samples::at(63).boot);
  // A limit may have been taken away just before.
  CHECK(count_of<effect::HoldLimits>(resume(running_with({}))) == 1);
}
