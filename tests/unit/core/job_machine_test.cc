// SPDX-License-Identifier: Apache-2.0
// The job machine: each event in each state by a table, then other stories.
#include "core/job_machine.h"

#include <doctest/doctest.h>

#include "job_samples.h"

namespace {

using namespace core;
using samples::after;
using samples::count_of;
using samples::event_at;
using samples::exited;
using samples::find;
using samples::job_in;
using samples::running;

// States in the order of JobState: Preparing, Opening, Launching, Running,
// Ending, Closing, remoVing, enDed.
constexpr std::string_view kLetters = "POLRECVD";

/// The first step of a kill plan, once.
bool asks_to_end(const std::vector<Effect>& effects) {
  const auto* const signal = find<effect::Signal>(effects);
  return count_of<effect::Signal>(effects) == 1 && signal->signal == kSigterm &&
         signal->target == SignalTarget::kAll && signal->wakes;
}

struct Row {
  const char* name;
  EventBody event;
  /// The state after the event, for each state before it.
  const char* after;
  /// x: the event has an effect in that state.
  const char* effects;
};

const std::vector<Row>& table() {
  static const std::vector<Row> rows = {
      {"Created", samples::created(), "POLRECVD", "        "},
      {"ContainerMade", event::ContainerMade{}, "OOLRECVD", "x       "},
      {"ContainerFailed", event::ContainerFailed{"no space"}, "COLRECVD",
       "x       "},
      {"StartRecorded", event::StartRecorded{}, "PLLRECVD", " x      "},
      {"Launched", event::Launched{samples::kMainPid}, "PORRECVD", "  x     "},
      {"LaunchFailed", event::LaunchFailed{}, "POERECVD", "  x     "},
      {"ProcessExited main", exited(samples::kMainPid), "POLEECVD", "xxxxxxxx"},
      {"ProcessExited other", exited(Pid(501)), "POLRECVD", "xxxxxxxx"},
      {"MainStopped", event::MainStopped{true}, "POLRECVD", "   x    "},
      {"MainStopped not", event::MainStopped{false}, "POLRECVD", "        "},
      {"ReaperLost", event::ReaperLost{}, "POERECVD", "  xxx   "},
      {"learned", event::MainStatusLearned{true, 0}, "POLEECVD", "   x    "},
      {"not learned", event::MainStatusLearned{}, "POLEECVD", "   x    "},
      {"Emptied", event::Emptied{}, "POLRCCVD", "    x   "},
      {"Populated", samples::populated(2), "POLRECVD", "    x   "},
      {"EndRequested", samples::end_requested(), "POLRECVD", "  xxx   "},
      {"Signalled", event::Signalled{Uid(0), SignalNumber(1)}, "POLRECVD",
       "   xx   "},
      {"limit timer", event::TimerFired{JobTimer::kLimit}, "POLRECVD",
       "        "},
      {"TimerFired kill", event::TimerFired{JobTimer::kKillPlan}, "POLRECVD",
       "        "},
      {"OutOfMemory", event::OutOfMemory{}, "POLRECVD", "        "},
      {"FreezeRequested", event::FreezeRequested{Uid(0), true}, "POLRECVD",
       "   xx   "},
      {"thaw", event::FreezeRequested{Uid(0), false}, "POLRECVD", "        "},
      {"FreezeDone", event::FreezeDone{true}, "POLRECVD", "        "},
      {"LimitsChanged", event::LimitsChanged{}, "POLRECVD", "xxxxx   "},
      {"CpuRead", event::CpuRead{}, "POLRECVD", "        "},
      {"LimitPassed", event::LimitPassed{}, "POLRECVD", "        "},
      {"Attached", event::Attached{}, "POLRECVD", "   x    "},
      {"Detached", event::Detached{}, "POLRECVD", "   xx   "},
      {"JobDetached", event::JobDetached{}, "POLRECVD", "   xx   "},
      {"FollowedEnded", event::FollowedEnded{}, "POLRECVD", "        "},
      {"SessionClosed", event::SessionClosed{}, "POLRECVD", "        "},
      {"CollectorLost", event::CollectorLost{}, "POLRECVD", "        "},
      {"MemberMade", event::MemberMade{}, "POLRECVD", "        "},
      {"MemberEnded", event::MemberEnded{}, "POLRECVD", "        "},
      {"MemberDropped", event::MemberDropped{}, "POLRECVD", "        "},
      {"EndRecorded", event::EndRecorded{}, "POLREVVD", "     x  "},
      {"ContainerRemoved", event::ContainerRemoved{}, "POLRECDD", "      x "},
  };
  return rows;
}

JobResult result_of(Job job, EventBody last, std::uint64_t second = 50) {
  Job ending = after(std::move(job), second, std::move(last)).job;
  return after(std::move(ending), second + 1, event::Emptied{}).job.result;
}

}  // namespace

TEST_CASE("every kind of event is in the table") {
  std::vector<bool> seen(std::variant_size_v<EventBody>);
  for (const Row& row : table())
    seen[row.event.index()] = true;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    CAPTURE(i);
    CHECK(seen[i]);
  }
}

TEST_CASE("every event in every state does what the table says") {
  for (const Row& row : table()) {
    for (std::size_t i = 0; i < kLetters.size(); ++i) {
      CAPTURE(row.name);
      const Job before = job_in(static_cast<JobState>(i));
      CAPTURE(name_of(before.state));
      REQUIRE(before.state == static_cast<JobState>(i));
      const Step now = after(before, 20, row.event);
      CHECK(kLetters[static_cast<std::size_t>(now.job.state)] == row.after[i]);
      CHECK(now.effects.empty() == (row.effects[i] == ' '));
      if (now.job.state != before.state)
        CHECK(count_of<effect::Announce>(now.effects) == 1);
    }
  }
}

TEST_CASE("a job is begun only by its creation") {
  const Step made = begin(event_at(3, samples::created()));
  CHECK(made.job.jid == samples::kJob);
  CHECK(made.job.owner == Uid(1000));
  CHECK(made.job.engine == Engine::kCgroup2);
  CHECK(made.job.created.boot == BootTime(3000000));
  CHECK(count_of<effect::MakeContainer>(made.effects) == 1);
  CHECK(begin(event_at(3, event::Launched{})).effects.empty());
}

TEST_CASE("the main process's end makes an end of its stragglers") {
  Step now = after(running(), 10, exited(samples::kMainPid));
  CHECK(count_of<effect::Inspect>(now.effects) == 1);
  now = after(now.job, 10, samples::populated(3));
  CHECK(now.job.stragglers == 3);
  CHECK(asks_to_end(now.effects));
  CHECK(find<effect::SetTimer>(now.effects)->deadline == BootTime(15000000));
  now = after(now.job, 12, samples::populated(1));
  CHECK(now.effects.empty());
  CHECK(now.job.stragglers == 3);
  now = after(now.job, 15, event::TimerFired{JobTimer::kKillPlan});
  CHECK(count_of<effect::KillAll>(now.effects) == 1);
  CHECK(find<effect::SetTimer>(now.effects)->deadline == BootTime(15050000));
  now = after(now.job, 16, event::TimerFired{JobTimer::kKillPlan});
  CHECK(count_of<effect::FreezeAndKill>(now.effects) == 1);
  now = after(now.job, 17, event::Emptied{});
  CHECK(now.job.state == JobState::kClosing);
  CHECK(now.job.result.reason == Reason::kExited);
  CHECK(count_of<effect::RecordEnd>(now.effects) == 1);
  CHECK(count_of<effect::ClearTimer>(now.effects) == 2);
}

TEST_CASE("stragglers are killed at once where that was asked") {
  JobSpec spec = samples::spec();
  spec.stragglers = Stragglers::kKill;
  const Job ending = after(running(spec), 10, exited(samples::kMainPid)).job;
  const Step now = after(ending, 10, samples::populated(1));
  CHECK(count_of<effect::KillAll>(now.effects) == 1);
  CHECK(count_of<effect::Signal>(now.effects) == 0);
}

TEST_CASE("what the kernel counts is not recorded by who reaps it too") {
  auto way = samples::way_to(JobState::kRunning, samples::spec());
  way[1] = event::ContainerMade{Collector::kEbpf};
  Job job = samples::fold(way).job;
  const Step other = after(job, 9, exited(Pid(samples::kMainPid.raw() + 1)));
  CHECK(find<effect::RecordProcess>(other.effects) == nullptr);
  const Step main = after(job, 10, exited(samples::kMainPid));
  CHECK(find<effect::RecordProcess>(main.effects) == nullptr);
  event::Emptied emptied;
  emptied.totals.processes = 7;
  emptied.totals.processes_not_seen = 2;
  CHECK(after(main.job, 11, emptied).job.processes_seen == 5);
  // It is gone: who reaps counts from now on.
  job = after(job, 8, event::CollectorLost{}).job;
  CHECK(find<effect::RecordProcess>(
            after(job, 9, exited(Pid(samples::kMainPid.raw() + 1))).effects) !=
        nullptr);
}

TEST_CASE("a lingering job lives until the last of its processes has gone") {
  JobSpec spec = samples::spec();
  spec.stragglers = Stragglers::kLinger;
  Step now = after(running(spec), 10, exited(samples::kMainPid, 3 << 8));
  CHECK(now.job.state == JobState::kRunning);
  now = after(now.job, 11, samples::populated(2));
  CHECK(now.job.state == JobState::kRunning);
  CHECK(now.effects.empty());
  now = after(now.job, 60, event::Emptied{});
  CHECK(now.job.state == JobState::kClosing);
  CHECK(exit_code_of(now.job.result.wait_status) == 3);
}

TEST_CASE("a limit holds for what lingers too") {
  JobSpec spec = samples::spec();
  spec.stragglers = Stragglers::kLinger;
  spec.limits.wall_time = seconds(30);
  Step now = after(running(spec), 10, exited(samples::kMainPid));
  now = after(now.job, 40, event::TimerFired{JobTimer::kLimit});
  REQUIRE(now.job.limit_hit);
  CHECK(asks_to_end(now.effects));
  now = after(now.job, 41, event::Emptied{});
  CHECK(now.job.result.reason == Reason::kOverLimit);
}

TEST_CASE("a limit is looked at when it can be passed, and again if early") {
  JobSpec spec = samples::spec();
  spec.limits.wall_time = seconds(30);
  const Step launched =
      samples::fold(samples::way_to(JobState::kRunning, spec));
  REQUIRE(find<effect::SetTimer>(launched.effects) != nullptr);
  CHECK(find<effect::SetTimer>(launched.effects)->deadline ==
        BootTime(33000000));
  Step now = after(launched.job, 20, event::TimerFired{JobTimer::kLimit});
  CHECK_FALSE(now.job.limit_hit);
  CHECK(find<effect::SetTimer>(now.effects)->deadline == BootTime(33000000));
  now = after(now.job, 33, event::TimerFired{JobTimer::kLimit});
  REQUIRE(now.job.limit_hit);
  CHECK(now.job.limit_hit->bound == 30000000);
  CHECK(now.job.limit_hit->value == 30000000);
  CHECK(asks_to_end(now.effects));
  CHECK(
      after(now.job, 34, event::TimerFired{JobTimer::kLimit}).effects.empty());
}

TEST_CASE("a kill plan's timer that comes early is set again") {
  Job job = after(running(), 10, samples::end_requested()).job;
  const BootTime deadline = job.kill.deadline;
  const Step now = after(job, 11, event::TimerFired{JobTimer::kKillPlan});
  CHECK(now.job.kill.step == KillStep::kAsked);
  REQUIRE(find<effect::SetTimer>(now.effects) != nullptr);
  CHECK(find<effect::SetTimer>(now.effects)->deadline == deadline);
  CHECK(now.effects.size() == 1);
}

TEST_CASE("a softer request changes nothing, a harder one goes on at once") {
  const KillPlan hard = {.first_signal = kSigkill, .grace = Microseconds()};
  Step now = after(running(), 10, samples::end_requested({}));
  CHECK(now.job.kill.step == KillStep::kAsked);
  now = after(now.job, 11, samples::end_requested({}));
  CHECK(now.effects.empty());
  now = after(now.job, 12, samples::end_requested(hard, "somebody else"));
  CHECK(count_of<effect::KillAll>(now.effects) == 1);
  CHECK(now.job.cancelled->who == "uid 7 (alice)");
  now = after(now.job, 13, samples::end_requested({}));
  CHECK(now.job.kill.step == KillStep::kKilled);
  CHECK(now.effects.empty());
}

TEST_CASE("a request with less grace brings the kill nearer") {
  const Job asked = after(running(), 10, samples::end_requested({})).job;
  const KillPlan brief = {.first_signal = kSigterm, .grace = seconds(1)};
  Step now = after(asked, 11, samples::end_requested(brief));
  CHECK(now.job.kill.step == KillStep::kAsked);
  REQUIRE(now.effects.size() == 1);  // it was asked already: no signal again
  REQUIRE(find<effect::SetTimer>(now.effects) != nullptr);
  CHECK(find<effect::SetTimer>(now.effects)->deadline ==
        samples::at(11).boot + seconds(1));
  CHECK(now.job.kill.deadline == samples::at(11).boot + seconds(1));
  now = after(now.job, 12, event::TimerFired{JobTimer::kKillPlan});
  CHECK(count_of<effect::KillAll>(now.effects) == 1);
  CHECK(after(asked, 14, samples::end_requested(brief)).effects.empty());
}

TEST_CASE("a job whose end is asked for before it runs never runs") {
  for (const JobState state : {JobState::kPreparing, JobState::kOpening}) {
    Job job = after(job_in(state), 5, samples::end_requested()).job;
    if (state == JobState::kPreparing)
      job = after(std::move(job), 6, event::ContainerMade{}).job;
    const Step now = after(std::move(job), 7, event::StartRecorded{});
    CHECK(now.job.state == JobState::kClosing);
    CHECK(now.job.result.reason == Reason::kCancelled);
    CHECK(count_of<effect::Launch>(now.effects) == 0);
  }
  // It may hang before its exec, where no signal of the plan would be seen.
  const Step asked =
      after(job_in(JobState::kLaunching), 5, samples::end_requested());
  CHECK(count_of<effect::KillAll>(asked.effects) == 1);
  const Step now =
      after(asked.job, 6, event::Launched{.pid = samples::kMainPid});
  CHECK(now.job.state == JobState::kRunning);
  CHECK(asks_to_end(now.effects));
}

TEST_CASE("the cause is the first of launch, limit, memory, somebody") {
  JobSpec limited = samples::spec();
  limited.limits.wall_time = seconds(1);
  Job job = running(limited);
  CHECK(result_of(job, exited(samples::kMainPid)).reason == Reason::kExited);
  CHECK(result_of(job, exited(samples::kMainPid, 9)).reason ==
        Reason::kSignalled);
  CHECK(result_of(job, exited(samples::kMainPid, 139)).reason ==
        Reason::kDumpedCore);
  job = after(job, 10, samples::end_requested()).job;
  CHECK(result_of(job, exited(samples::kMainPid, 15)).reason ==
        Reason::kCancelled);
  job = after(job, 11, event::OutOfMemory{}).job;
  CHECK(result_of(job, exited(samples::kMainPid, 9)).reason ==
        Reason::kOutOfMemory);
  CHECK(result_of(job, exited(samples::kMainPid, 0)).reason ==
        Reason::kCancelled);
  job = after(job, 12, event::TimerFired{JobTimer::kLimit}).job;
  const JobResult over = result_of(job, exited(samples::kMainPid, 9));
  CHECK(over.reason == Reason::kOverLimit);
  CHECK(over.limit.bound == 1000000);
  CHECK(over.wait_status == 9);
}

TEST_CASE("memory that ran out shows in the totals as well") {
  Job job = after(running(), 10, exited(samples::kMainPid, 9)).job;
  event::Emptied emptied;
  emptied.totals.oom_kills = 1;
  CHECK(after(job, 11, emptied).job.result.reason == Reason::kOutOfMemory);
  emptied.totals.oom_kills = 0;
  CHECK(after(job, 11, emptied).job.result.reason == Reason::kSignalled);
}

TEST_CASE("who asks for the end of what ends already is not its cause") {
  Job job = after(running(), 10, exited(samples::kMainPid)).job;
  const Step now = after(job, 11, samples::end_requested());
  CHECK_FALSE(now.job.cancelled);
  CHECK(asks_to_end(now.effects));
}

TEST_CASE("who asks for the end of a job whose result is decided is late") {
  const KillPlan other = {.first_signal = kSigkill, .grace = seconds(1)};
  std::vector<Job> decided = {
      after(job_in(JobState::kPreparing), 5, event::ContainerFailed{"no space"})
          .job};
  for (const JobState state :
       {JobState::kClosing, JobState::kRemoving, JobState::kEnded})
    decided.push_back(job_in(state));
  for (const Job& job : decided) {
    const Step now = after(job, 30, samples::end_requested(other));
    CHECK(samples::digest(now.job) == samples::digest(job));
    CHECK(now.effects.empty());
  }
}

TEST_CASE("a launch that fails is the result, also with what it left behind") {
  const event::LaunchFailed failed = {
      .failure = {.stage = LaunchStage::kExec, .code = 2}, .detail = "foo"};
  Step now = after(job_in(JobState::kLaunching), 5, failed);
  CHECK(now.job.state == JobState::kEnding);
  CHECK(count_of<effect::Inspect>(now.effects) == 1);
  now = after(now.job, 6, samples::populated(1));
  CHECK(asks_to_end(now.effects));
  now = after(now.job, 7, event::Emptied{});
  CHECK(now.job.result.reason == Reason::kLaunchFailed);
  CHECK(now.job.result.launch.code == 2);
  CHECK(now.job.result.detail == "foo");
  CHECK(now.job.stragglers == 0);  // our own child, that was to become it
  CHECK(now.job.started.boot == BootTime());
}

TEST_CASE("on a job without a container the supervisor gives up") {
  const Step now = after(job_in(JobState::kPreparing), 5,
                         event::ContainerFailed{"no space"});
  CHECK(now.job.result.reason == Reason::kGaveUp);
  CHECK(now.job.result.detail == "no space");
  CHECK(count_of<effect::RecordEnd>(now.effects) == 1);
}

TEST_CASE("when the reaper is lost nothing is invented") {
  Step now = after(running(), 10, event::ReaperLost{});
  CHECK(count_of<effect::WatchMain>(now.effects) == 1);
  // Empty before the status is known: the status comes first.
  CHECK(after(now.job, 11, event::Emptied{}).job.state == JobState::kRunning);
  const Job known =
      after(now.job, 12, event::MainStatusLearned{true, 7 << 8}).job;
  CHECK(after(known, 13, event::Emptied{}).job.result.reason ==
        Reason::kExited);
  const Job unknown = after(now.job, 12, event::MainStatusLearned{}).job;
  const JobResult result = after(unknown, 13, event::Emptied{}).job.result;
  CHECK(result.reason == Reason::kUnknown);
  CHECK_FALSE(result.has_status);
  CHECK(result.detail == "reaper killed");

  now = after(job_in(JobState::kLaunching), 10, event::ReaperLost{});
  now = after(now.job, 11, event::Emptied{});
  CHECK(now.job.result.reason == Reason::kLaunchFailed);
  CHECK(now.job.result.launch.stage == LaunchStage::kSupervisorGone);
}

TEST_CASE("a record without a status leaves the status unknown") {
  event::ProcessExited record = exited(samples::kMainPid, 9);
  record.record.present = 0;
  const JobResult result = result_of(running(), record);
  CHECK(result.reason == Reason::kUnknown);
  CHECK_FALSE(result.has_status);
}

TEST_CASE("a main process whose pid was lost is known by its order") {
  Job job = job_in(JobState::kLaunching);
  job = after(job, 5, event::Launched{.pid = Pid(0)}).job;
  event::ProcessExited other = exited(Pid(77));
  other.record.order = 1;
  CHECK(after(job, 6, other).job.state == JobState::kRunning);
  event::ProcessExited main = exited(Pid(78));
  main.record.order = sequence_of(samples::kJob);
  CHECK(after(job, 6, main).job.state == JobState::kEnding);
}

TEST_CASE("a main process that stops and goes on is announced") {
  Step now = after(running(), 10, event::MainStopped{.is_stopped = true});
  CHECK(now.job.main_is_stopped);
  CHECK(after(now.job, 11, event::MainStopped{.is_stopped = true})
            .effects.empty());
  now = after(now.job, 12, exited(samples::kMainPid, 9));
  CHECK_FALSE(now.job.main_is_stopped);
  now = after(now.job, 13, event::MainStopped{.is_stopped = true});
  CHECK_FALSE(now.job.main_is_stopped);
}

TEST_CASE("what is only for the launch is forgotten after it") {
  JobSpec spec = samples::spec();
  spec.argv = {"echo", std::string(5000, 'x'), "hidden"};
  const Job job = running(spec);
  CHECK(job.spec.env.empty());
  REQUIRE(job.spec.argv.size() == 2);
  CHECK(job.spec.argv[0] == "echo");
  CHECK(job.spec.argv[1].size() < 4096);
  CHECK(running().spec.argv.size() == 2);
}

TEST_CASE("resume asks again for what each state waits for") {
  const auto resumed = [](JobState state) { return resume(job_in(state)); };
  CHECK(count_of<effect::MakeContainer>(resumed(JobState::kPreparing)) == 1);
  CHECK(count_of<effect::RecordStart>(resumed(JobState::kOpening)) == 1);
  CHECK(count_of<effect::Launch>(resumed(JobState::kLaunching)) == 1);
  CHECK(count_of<effect::Inspect>(resumed(JobState::kRunning)) == 1);
  CHECK(count_of<effect::Inspect>(resumed(JobState::kEnding)) == 1);
  CHECK(count_of<effect::RecordEnd>(resumed(JobState::kClosing)) == 1);
  CHECK(count_of<effect::RemoveContainer>(resumed(JobState::kRemoving)) == 1);
  CHECK(resumed(JobState::kEnded).empty());
}

TEST_CASE("resume goes on with the kill plan, the limit and the watch") {
  JobSpec spec = samples::spec();
  spec.limits.wall_time = seconds(100);
  Job job = after(running(spec), 5, event::ReaperLost{}).job;
  job = after(job, 10, samples::end_requested(samples::spec().kill_plan)).job;
  std::vector<Effect> effects = resume(job);
  CHECK(asks_to_end(effects));
  CHECK(count_of<effect::SetTimer>(effects) == 2);
  CHECK(count_of<effect::WatchMain>(effects) == 1);
  job = after(job, 15, event::TimerFired{JobTimer::kKillPlan}).job;
  effects = resume(job);
  CHECK(count_of<effect::KillAll>(effects) == 1);
  CHECK(count_of<effect::Signal>(effects) == 0);
  job = after(job, 16, event::TimerFired{JobTimer::kKillPlan}).job;
  effects = resume(job);
  CHECK(count_of<effect::FreezeAndKill>(effects) == 1);
  CHECK(find<effect::SetTimer>(effects)->deadline == job.kill.deadline);
}

TEST_CASE("states have names of their own") {
  for (std::size_t i = 0; i < kLetters.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      CHECK(name_of(static_cast<JobState>(i)) !=
            name_of(static_cast<JobState>(j)));
  CHECK(name_of(static_cast<JobState>(99)) == "unknown");
}

TEST_CASE("a job ended with its last exit, however late that was noticed") {
  const auto exit_at = [](Pid pid, std::uint64_t second) {
    event::ProcessExited event = exited(pid);
    event.record.end_boot_us = samples::at(second).boot.raw();
    event.record.end_real_us = samples::at(second).real.raw();
    return event;
  };
  const auto ended = [](Job job) {
    return after(std::move(job), 60, event::Emptied{}).job.ended;
  };
  const Job before = running();
  const std::uint64_t began = before.started.boot.raw() / 1000000;
  const Job main_gone =
      after(before, 59, exit_at(samples::kMainPid, began + 2)).job;
  CHECK(ended(main_gone).boot == samples::at(began + 2).boot);
  CHECK(ended(main_gone).real == samples::at(began + 2).real);
  // An orphan that was reported first may have ended last.
  Job both = after(before, 58, exit_at(Pid(501), began + 3)).job;
  both = after(both, 59, exit_at(samples::kMainPid, began + 2)).job;
  CHECK(ended(both).boot == samples::at(began + 3).boot);
  // Somebody who was alive later ended unseen.
  const Job seen = after(main_gone, 59, samples::populated(1)).job;
  CHECK(ended(seen).boot == samples::at(60).boot);
  CHECK(ended(after(main_gone, 59, samples::populated(0)).job).boot ==
        samples::at(began + 2).boot);
  // Nothing is known of who ended after the reaper.
  const Job lost = after(main_gone, 59, event::ReaperLost{}).job;
  CHECK(ended(lost).boot == samples::at(60).boot);
  // A clock that went wrong is not believed, nor an end before the start.
  CHECK(ended(after(before, 59, exit_at(samples::kMainPid, 61)).job).boot ==
        samples::at(60).boot);
  const Job early = after(before, 59, exit_at(samples::kMainPid, 1)).job;
  CHECK(ended(early).boot == std::max(samples::at(1).boot, early.started.boot));
  CHECK(ended(after(before, 59, exited(samples::kMainPid)).job).boot ==
        samples::at(60).boot);
}
