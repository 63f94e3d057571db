// SPDX-License-Identifier: Apache-2.0
// The invariants of core/job_machine.h under random events in random order,
// and repeated ones. The seeds are fixed: two runs see the same.
#include <functional>
#include <random>

#include <doctest/doctest.h>

#include "core/job_machine.h"
#include "job_samples.h"

namespace {

using namespace core;
using samples::count_of;
using Random = std::mt19937;

JobSpec random_spec(Random& random);

EventBody random_event(Random& random) {
  const auto coin = [&] { return random() % 2 == 0; };
  const Pid pid = coin() ? samples::kMainPid
                         : Pid(static_cast<std::int32_t>(random() % 600));
  const auto status = static_cast<std::int32_t>(random() % 256);
  const KillPlan plan = coin() ? KillPlan{kSigkill, Microseconds()}
                               : KillPlan{kSigterm, seconds(random() % 9)};
  event::Emptied emptied;
  if (coin()) emptied.totals.oom_kills = random() % 2;
  const std::function<EventBody()> makers[] = {
      [&] { return samples::created(); },
      [&] { return event::ContainerMade{}; },
      [&] { return event::ContainerFailed{"no space"}; },
      [&] { return event::StartRecorded{}; },
      [&] { return event::Launched{samples::kMainPid}; },
      [&] { return event::LaunchFailed{}; },
      [&] { return samples::exited(pid, status); },
      [&] { return event::MainStopped{coin()}; },
      [&] { return event::ReaperLost{}; },
      [&] { return event::MainStatusLearned{coin(), status}; },
      [&] { return emptied; },
      [&] {
        return samples::populated(1U +
                                  static_cast<std::uint32_t>(random() % 5));
      },
      [&] { return samples::end_requested(plan); },
      [&] { return event::Signalled{Uid(0), SignalNumber(1)}; },
      [&] { return event::TimerFired{JobTimer::kLimit}; },
      [&] { return event::TimerFired{JobTimer::kKillPlan}; },
      [&] { return event::OutOfMemory{}; },
      [&] { return event::EndRecorded{}; },
      [&] { return event::ContainerRemoved{}; },
      [&] { return event::FreezeRequested{Uid(0), coin()}; },
      [&] { return event::FreezeDone{coin()}; },
      [&] {
        return event::LimitsChanged{.by = Uid(0),
                                    .limits = random_spec(random).limits};
      },
      [&] {
        return event::CpuRead{
            .used = seconds(random() % 30),
            .processors = static_cast<std::uint32_t>(1 + random() % 4)};
      },
      [&] {
        return event::LimitPassed{.kind = LimitKind::kWallTime, .value = 2};
      },
      [&] {
        return event::Attached{
            .pid = pid,
            .by = Uid(0),
            .command = {},
            .origin = {},
            .followed = {.pid = pid,
                         .start_ticks = coin() ? std::uint64_t{1} : 0,
                         .before = {}}};
      },
      [&] {
        return event::FollowedEnded{.record = samples::exited(pid).record};
      },
      [&] { return event::Detached{pid, Uid(0)}; },
      [&] { return event::JobDetached{}; },
      [&] { return event::SessionClosed{}; },
      [&] { return event::CollectorLost{}; },
      [&] { return event::TimerFired{JobTimer::kAttach}; },
  };
  // The three of arrays are array_machine_test.cc's.
  static_assert(std::size(makers) == std::variant_size_v<EventBody> + 2 - 3);
  // Failures and impatience are rarer than life.
  const std::size_t index = random() % std::size(makers);
  if ((index == 2 || index == 5) && random() % 4 != 0) return makers[1]();
  return makers[index]();
}

JobSpec random_spec(Random& random) {
  JobSpec spec = samples::spec();
  spec.stragglers = static_cast<Stragglers>(random() % 3);
  if (random() % 4 == 0) spec.kind = static_cast<JobKind>(random() % 4);
  if (random() % 2 == 0) spec.limits.wall_time = seconds(1 + random() % 20);
  if (random() % 2 == 0) spec.limits.cpu_time = seconds(1 + random() % 20);
  return spec;
}

/// What one job's life has shown so far.
struct Life {
  std::size_t exits_reported = 0;
  std::size_t process_records = 0;
  std::size_t end_records = 0;
  std::size_t launches = 0;
  std::string result;
};

void count_effects(Life& life, const std::vector<Effect>& effects) {
  life.process_records += count_of<effect::RecordProcess>(effects);
  life.end_records += count_of<effect::RecordEnd>(effects);
  life.launches += count_of<effect::Launch>(effects);
}

/// The invariants that hold between any two events.
void check_step(Life& life, const Job& before, const JobEvent& event,
                const Step& now) {
  REQUIRE(now.job.state >= before.state);
  const auto ended_of = [](const Job& job) {
    return job.followed ? job.followed->ended : 0;
  };
  if (std::holds_alternative<event::ProcessExited>(event.body) ||
      ended_of(now.job) > ended_of(before))
    ++life.exits_reported;
  count_effects(life, now.effects);
  REQUIRE(life.process_records == life.exits_reported);
  REQUIRE(now.job.processes_seen == life.exits_reported);
  REQUIRE(life.launches <= 1);
  const bool is_closed = now.job.state >= JobState::kClosing;
  REQUIRE(is_closed == (now.job.result.reason != Reason::kNone));
  REQUIRE(life.end_records == (is_closed ? 1 : 0));
  if (now.job.state != before.state)
    REQUIRE(count_of<effect::Announce>(now.effects) > 0);
  const std::string result(sentence_of(now.job.result).view());
  if (before.state >= JobState::kClosing) REQUIRE(result == life.result);
  life.result = result;
  // Once a program ran, only an empty container closes the job.
  const bool ran =
      before.state == JobState::kRunning || before.state == JobState::kEnding;
  if (ran && is_closed)
    REQUIRE(std::holds_alternative<event::Emptied>(event.body));
  if (now.job.launch_failure && is_closed)
    REQUIRE(now.job.result.reason == Reason::kLaunchFailed);
  if (!now.job.status) REQUIRE_FALSE(now.job.result.has_status);
}

/// Answers what a job waits for until it has ended.
Job finish(Job job, std::uint64_t second) {
  const EventBody answers[] = {event::ContainerMade{},
                               event::StartRecorded{},
                               event::Launched{.pid = samples::kMainPid},
                               event::MainStatusLearned{},
                               event::SessionClosed{},
                               event::Emptied{},
                               event::EndRecorded{},
                               event::ContainerRemoved{}};
  const auto followed = job.followed ? *job.followed : FollowedProcesses();
  for (const Followed& one : followed.living) {
    const event::FollowedEnded end{.record = samples::exited(one.pid).record};
    job = step(std::move(job), samples::event_at(second, end)).job;
  }
  for (const EventBody& answer : answers)
    job = step(std::move(job), samples::event_at(second, answer)).job;
  return job;
}

}  // namespace

TEST_CASE("the invariants hold under 5,000 random lives") {
  std::size_t ended = 0;
  std::size_t events = 0;
  for (std::uint32_t seed = 0; seed < 5000; ++seed) {
    Random random(seed);
    Life life;
    Step now =
        begin(samples::event_at(0, samples::created(random_spec(random))));
    count_effects(life, now.effects);
    const std::size_t length = 10 + random() % 75;
    for (std::size_t i = 1; i <= length; ++i) {
      const Job before = now.job;
      const JobEvent event = samples::event_at(i, random_event(random));
      now = step(before, event);
      check_step(life, before, event, now);
      ++events;
    }
    if (now.job.state == JobState::kEnded) ++ended;
    CHECK(finish(now.job, length + 1).state == JobState::kEnded);
  }
  MESSAGE(events << " events, " << ended << " lives ended by themselves");
  CHECK(ended > 500);
}

TEST_CASE("an event seen twice leaves the job as it was after the first") {
  std::size_t repeated = 0;
  for (std::uint32_t seed = 0; seed < 1500; ++seed) {
    Random random(seed);
    Step now =
        begin(samples::event_at(0, samples::created(random_spec(random))));
    for (std::uint64_t i = 1; i < 40; ++i) {
      const JobEvent event = samples::event_at(i, random_event(random));
      now = step(std::move(now.job), event);
      // A process's record is told from its repetition by its sequence number,
      // before the machine sees it.
      if (std::holds_alternative<event::ProcessExited>(event.body)) continue;
      const Step again = step(now.job, event);
      REQUIRE(samples::digest(again.job) == samples::digest(now.job));
      REQUIRE(count_of<effect::RecordEnd>(again.effects) == 0);
      REQUIRE(count_of<effect::Launch>(again.effects) == 0);
      ++repeated;
    }
  }
  CHECK(repeated > 50000);
}

TEST_CASE("a job is a fold of its events: the same twice") {
  for (std::uint32_t seed = 0; seed < 500; ++seed) {
    std::string digests[2];
    for (std::string& digest : digests) {
      Random random(seed);
      Step now =
          begin(samples::event_at(0, samples::created(random_spec(random))));
      for (std::uint64_t i = 1; i < 60; ++i)
        now = step(std::move(now.job),
                   samples::event_at(i, random_event(random)));
      digest = samples::digest(now.job);
    }
    REQUIRE(digests[0] == digests[1]);
  }
}

TEST_CASE("whatever state it crashed in, a resumed job waits for something") {
  for (std::uint32_t seed = 0; seed < 1000; ++seed) {
    Random random(seed);
    Step now =
        begin(samples::event_at(0, samples::created(random_spec(random))));
    for (std::uint64_t i = 1; i < 40; ++i) {
      now =
          step(std::move(now.job), samples::event_at(i, random_event(random)));
      const std::vector<Effect> effects = resume(now.job);
      REQUIRE(effects.empty() == (now.job.state == JobState::kEnded));
      if (now.job.kill.step != KillStep::kNone &&
          now.job.state < JobState::kClosing)
        REQUIRE(count_of<effect::SetTimer>(effects) >= 1);
    }
  }
}
