// SPDX-License-Identifier: Apache-2.0
// Jobs that are made of processes which exist already: what the machine does
// with them, and who may attach what to which.
#include <doctest/doctest.h>

#include "core/attach_rules.h"
#include "core/domain.h"
#include "core/event_codec.h"
#include "core/limit_rules.h"
#include "job_samples.h"

namespace {

using namespace core;
using samples::after;
using samples::count_of;
using samples::find;

constexpr Pid kFirst{700};

JobSpec spec_of(JobKind kind, Stragglers stragglers = Stragglers::kLinger) {
  JobSpec spec = samples::spec();
  spec.argv = {};
  spec.kind = kind;
  spec.stragglers = stragglers;
  return spec;
}

/// Waits for its first process, from second 2 on.
Step opened(const JobSpec& spec) {
  return samples::fold(
      {samples::created(spec), event::ContainerMade{}, event::StartRecorded{}});
}

event::Attached attached(Pid pid = kFirst) {
  return {.pid = pid, .by = Uid(1000), .command = "sshd", .origin = "/user"};
}

Job job_with_first(JobKind kind, Stragglers stragglers = Stragglers::kLinger) {
  return after(opened(spec_of(kind, stragglers)).job, 3, attached()).job;
}

}  // namespace

TEST_CASE("a job without a command is open at once and waits for its first") {
  const Step now = opened(spec_of(JobKind::kAttached));
  CHECK(now.job.state == JobState::kRunning);
  CHECK(now.job.started.boot == BootTime(2000000));
  CHECK(count_of<effect::Launch>(now.effects) == 0);
  REQUIRE(count_of<effect::SetTimer>(now.effects) == 1);
  CHECK(find<effect::SetTimer>(now.effects)->timer == JobTimer::kAttach);
  CHECK(find<effect::SetTimer>(now.effects)->deadline == BootTime(62000000));
  CHECK(awaits_first(now.job));
  CHECK(after(now.job, 5, event::Emptied{}).job.state == JobState::kRunning);
  CHECK(count_of<effect::SetTimer>(resume(now.job)) == 1);
}

TEST_CASE("the first process is the main one and is watched") {
  const Step now =
      after(opened(spec_of(JobKind::kAttached)).job, 3, attached());
  CHECK(now.job.main == kFirst);
  CHECK(now.job.origin == "/user");
  CHECK(now.job.spec.argv == std::vector<std::string>{"sshd"});
  CHECK_FALSE(now.job.is_held);
  CHECK(count_of<effect::WatchMain>(now.effects) == 1);
  CHECK(count_of<effect::ClearTimer>(now.effects) == 1);
  CHECK(count_of<effect::WatchMain>(resume(now.job)) == 1);
  const Step second = after(now.job, 4, attached(Pid(701)));
  CHECK(second.job.main == kFirst);
  CHECK(count_of<effect::WatchMain>(second.effects) == 0);
  CHECK(count_of<effect::Announce>(second.effects) == 1);
}

TEST_CASE("an attached job lives until it is empty and tells its first's end") {
  Job job = job_with_first(JobKind::kAttached);
  CHECK(after(job, 4, event::Emptied{}).job.state == JobState::kRunning);
  job = after(job, 5, event::MainStatusLearned{true, 3 << 8}).job;
  CHECK(job.state == JobState::kRunning);
  job = after(job, 6, event::Emptied{}).job;
  CHECK(job.state == JobState::kClosing);
  CHECK(job.result.reason == Reason::kExited);
  CHECK(shell_code(job.result) == 3);
  job = after(job_with_first(JobKind::kAttached), 5, event::MainStatusLearned{})
            .job;
  job = after(job, 6, event::Emptied{}).job;
  CHECK(job.result.reason == Reason::kUnknown);
}

TEST_CASE("a job to which nobody comes is given up") {
  for (const JobKind kind : {JobKind::kAttached, JobKind::kSession}) {
    Step now = after(opened(spec_of(kind)).job, 62,
                     event::TimerFired{JobTimer::kAttach});
    CHECK(count_of<effect::Inspect>(now.effects) == 1);
    now = after(now.job, 63, event::Emptied{});
    CHECK(now.job.state == JobState::kClosing);
    CHECK(now.job.result.reason == Reason::kGaveUp);
    now = after(job_with_first(kind), 62, event::TimerFired{JobTimer::kAttach});
    CHECK(now.effects.empty());
  }
}

TEST_CASE("who attached and could not say so is found by reading") {
  const Step now =
      after(opened(spec_of(JobKind::kAttached)).job, 3, samples::populated(1));
  CHECK_FALSE(now.job.is_held);
  CHECK(after(now.job, 4, event::Emptied{}).job.state == JobState::kClosing);
  CHECK(after(now.job, 4, attached()).job.main == kFirst);  // it asks again
}

TEST_CASE("an empty job that is to end ends") {
  const Step now = after(opened(spec_of(JobKind::kSession)).job, 3,
                         samples::end_requested());
  CHECK_FALSE(now.job.is_held);
  const Job ended = after(now.job, 4, event::Emptied{}).job;
  CHECK(ended.result.reason == Reason::kCancelled);
}

TEST_CASE("a main process that was detached ends nothing") {
  for (const JobKind kind : {JobKind::kAttached, JobKind::kDetached}) {
    Job job =
        kind == JobKind::kDetached ? samples::running() : job_with_first(kind);
    job.spec.stragglers = Stragglers::kEnd;
    const Pid main = *job.main;
    CHECK(count_of<effect::ForgetMain>(
              after(job, 5, event::Detached{Pid(1), Uid(0)}).effects) == 0);
    const Step now = after(job, 5, event::Detached{main, Uid(0)});
    CHECK(now.job.state == JobState::kRunning);
    CHECK(count_of<effect::ForgetMain>(now.effects) == 1);
    CHECK(count_of<effect::Inspect>(now.effects) == 1);
    const Job ended = after(now.job, 6, event::Emptied{}).job;
    CHECK(ended.result.reason == Reason::kDetached);
    CHECK_FALSE(ended.result.has_status);
  }
}

TEST_CASE("a job that was detached as a whole ends when it is empty") {
  const Step now = after(job_with_first(JobKind::kSession), 5,
                         event::JobDetached{.by = Uid(0), .count = 3});
  CHECK_FALSE(now.job.is_held);
  CHECK(count_of<effect::ForgetMain>(now.effects) == 1);
  const Job ended = after(now.job, 6, event::Emptied{}).job;
  CHECK(ended.result.reason == Reason::kDetached);
}

TEST_CASE("a session without its leader can be closed, or ends when empty") {
  Job job = job_with_first(JobKind::kSession, Stragglers::kEnd);
  CHECK(after(job, 5, event::Emptied{}).job.state == JobState::kRunning);
  job = after(job, 5, event::Detached{kFirst, Uid(0)}).job;
  CHECK(job.state == JobState::kRunning);
  CHECK(after(job, 6, event::Emptied{}).job.result.reason == Reason::kDetached);
  Step now = after(job, 7, event::SessionClosed{Uid(0)});
  CHECK(now.job.state == JobState::kEnding);
  CHECK(count_of<effect::Inspect>(now.effects) == 1);
  now = after(now.job, 8, samples::populated(2));
  CHECK(count_of<effect::Signal>(now.effects) == 1);
  now = after(now.job, 9, event::Emptied{});
  CHECK(now.job.result.reason == Reason::kClosed);
  CHECK(shell_code(now.job.result) == 0);
}

TEST_CASE("who is left of a lingering session stays") {
  Job job = job_with_first(JobKind::kSession);
  job = after(job, 5, event::Detached{kFirst, Uid(0)}).job;
  job = after(job, 7, event::SessionClosed{Uid(0)}).job;
  CHECK(job.state == JobState::kRunning);
  CHECK(after(job, 8, event::SessionClosed{Uid(0)}).effects.empty());
  CHECK(after(job, 9, event::Emptied{}).job.result.reason == Reason::kClosed);
}

TEST_CASE("a leader's death closes its session") {
  Job job = job_with_first(JobKind::kSession, Stragglers::kEnd);
  job = after(job, 5, event::MainStatusLearned{true, 9}).job;
  CHECK(job.state == JobState::kEnding);
  job = after(job, 6, event::Emptied{}).job;
  CHECK(job.result.reason == Reason::kSignalled);
}

TEST_CASE("who asks for a session's end after its leader left is its cause") {
  Job job = job_with_first(JobKind::kSession);
  job = after(job, 5, event::Detached{kFirst, Uid(0)}).job;
  job = after(job, 6, samples::end_requested()).job;
  job = after(job, 7, event::Emptied{}).job;
  CHECK(job.result.reason == Reason::kCancelled);
}

TEST_CASE("services have domains") {
  CHECK(domain_of_service("sshd") == "interactive");
  CHECK(domain_of_service("su-l") == "interactive");
  CHECK(domain_of_service("cron") == "batch");
  CHECK(domain_of_service("runuser") == "service");
  CHECK(domain_of_service("") == "interactive");
}

TEST_CASE("limits are narrowed by those around them") {
  JobLimits inner;
  inner.wall_time = seconds(5);
  inner.cpu_time = seconds(50);
  TermsList terms;
  set_terms(inner, terms,
            {.kind = LimitKind::kCpuTime, .bound = 50000000, .soft = 20000000});
  LimitSet outer;
  outer.limits.wall_time = seconds(10);
  outer.limits.cpu_time = seconds(10);
  outer.limits.open_files = 7;
  outer.terms = {{.kind = LimitKind::kIdleTime, .bound = 9}};
  narrow(inner, terms, outer);
  CHECK(inner.wall_time == seconds(5));
  CHECK(inner.cpu_time == seconds(10));
  CHECK(inner.open_files == 7U);
  CHECK_FALSE(inner.memory);
  CHECK(terms_of(inner, terms, LimitKind::kCpuTime).soft == 10000000U);
  CHECK(bound_of(inner, terms, LimitKind::kIdleTime) == 9U);
}

namespace {

const Caller kAlice{.uid = Uid(1000), .pid = Pid(1)};
const Caller kRoot{.uid = Uid(0), .pid = Pid(1)};
const AuthorityRules kRules{.instance = Uid(0), .operators = {Gid(10)}};

Candidate alices() {
  return {.pid = kFirst,
          .uids = {Uid(1000), Uid(1000), Uid(1000)},
          .job = kNoJob,
          .command = "sleep",
          .cgroup = "/user"};
}

JobFacts job_facts() {
  return {.jid = samples::kJob,
          .kind = JobKind::kAttached,
          .engine = Engine::kCgroup2,
          .state = JobState::kRunning,
          .is_being_ended = false,
          .ancestors = {}};
}

std::optional<Refusal> refusal(const Candidate& process, const JobFacts& job,
                               AttachMode mode = AttachMode::kMove,
                               const Caller& caller = kAlice) {
  const auto deed = check_attach(caller, process, job, mode, kRules);
  if (deed) return std::nullopt;
  CHECK_FALSE(deed.error().text.empty());
  return deed.error().why;
}

}  // namespace

TEST_CASE("one's own process in no job may join one's job, once") {
  CHECK_FALSE(refusal(alices(), job_facts()));
  CHECK(*check_attach(kAlice, alices(), job_facts(), AttachMode::kMove,
                      kRules) == AttachDeed::kMove);
  Candidate member = alices();
  member.job = samples::kJob;
  member.job_is_ours = true;
  CHECK(*check_attach(kAlice, member, job_facts(), AttachMode::kMove, kRules) ==
        AttachDeed::kNothing);
  member.job_is_ours = false;  // another instance's job of that number
  CHECK(refusal(member, job_facts()) == Refusal::kInvalid);
}

TEST_CASE("what is no plain process of one's own is refused") {
  Candidate process = alices();
  process.is_kernel_thread = true;
  CHECK(refusal(process, job_facts(), AttachMode::kMove, kRoot) ==
        Refusal::kInvalid);
  process = alices();
  process.is_corral = true;
  CHECK(refusal(process, job_facts(), AttachMode::kMove, kRoot) ==
        Refusal::kInvalid);
  for (std::size_t which = 0; which < 3; ++which) {
    process = alices();
    process.uids[which] = Uid(0);
    CHECK(refusal(process, job_facts()) == Refusal::kAccessDenied);
    CHECK_FALSE(refusal(process, job_facts(), AttachMode::kMove, kRoot));
  }
}

TEST_CASE("a job that cannot take anybody says why") {
  JobFacts job = job_facts();
  job.engine = Engine::kSubreaper;
  CHECK(refusal(alices(), job) == Refusal::kNotSupported);
  job = job_facts();
  job.is_being_ended = true;
  CHECK(refusal(alices(), job) == Refusal::kEnded);
  for (const auto& [state, why] :
       {std::pair(JobState::kOpening, Refusal::kInvalid),
        std::pair(JobState::kEnding, Refusal::kEnded),
        std::pair(JobState::kClosing, Refusal::kEnded)}) {
    job = job_facts();
    job.state = state;
    CHECK(refusal(alices(), job) == why);
  }
}

TEST_CASE("who is followed needs no container, and must not be held by it") {
  const auto deed = [](const Candidate& process, const JobFacts& job) {
    return check_attach(kAlice, process, job, AttachMode::kLogical, kRules);
  };
  JobFacts job = job_facts();
  CHECK(*deed(alices(), job) == AttachDeed::kFollow);
  job.engine = Engine::kSubreaper;
  CHECK(*deed(alices(), job) == AttachDeed::kFollow);
  job.is_frozen = true;
  CHECK(deed(alices(), job).error().why == Refusal::kInvalid);
  job = job_facts();
  job.held_within = LimitKind::kMemory;
  CHECK(deed(alices(), job).error().why == Refusal::kNotSupported);
  CHECK_FALSE(refusal(alices(), job));
  Candidate process = alices();
  process.job = JobId(5);
  CHECK(deed(process, job_facts()).error().why == Refusal::kInvalid);
  process.job = samples::kJob;
  process.job_is_ours = true;
  CHECK(*deed(process, job_facts()) == AttachDeed::kNothing);
  CHECK(check_detach(kAlice, job, kRules, false, true));
  job.engine = Engine::kSubreaper;
  CHECK_FALSE(check_detach(kAlice, job, kRules, false));
  CHECK(check_detach(kAlice, job, kRules, false, true));
}

TEST_CASE("who is followed is in the journal") {
  const Followed process{.pid = Pid(701),
                         .start_ticks = 9,
                         .before = {.user = seconds(2), .system = seconds(1)}};
  event::Attached another = attached(Pid(701));
  another.followed = process;
  const auto journaled = [](const auto& item) {
    std::vector<std::byte> bytes;
    encode(item, bytes);
    return *decode(bytes);
  };
  const auto back =
      std::get<JobEvent>(journaled(samples::event_at(1, another)));
  CHECK(std::get<event::Attached>(back.body).followed == process);
  const event::FollowedEnded ended{.record = samples::exited(Pid(701)).record,
                                   .used = process.before};
  const auto told = std::get<JobEvent>(journaled(samples::event_at(2, ended)));
  CHECK(std::get<event::FollowedEnded>(told.body).used == process.before);
  Job job = after(samples::running(), 3, another).job;
  job.followed->ended = 4;
  job.followed->unread = 3;
  job.followed->used = process.before;
  const auto kept = std::get<JobSnapshot>(
      journaled(JobSnapshot{.job = job, .state_entry = 1}));
  REQUIRE(kept.job.followed);
  CHECK(*kept.job.followed == *job.followed);
}

TEST_CASE("a job is not empty before the end of who is followed was told") {
  event::Attached another = attached(Pid(701));
  another.followed = {.pid = Pid(701),
                      .start_ticks = 9,
                      .before = {.user = seconds(2), .system = seconds(1)}};
  Step now = after(samples::running(), 3, another);
  CHECK(count_of<effect::WatchFollowed>(now.effects) == 1);
  CHECK(count_of<effect::WatchFollowed>(resume(now.job)) == 1);
  CHECK(now.job.followed->has(Pid(701)));
  CHECK(after(now.job, 4, another).job.followed->living.size() == 1);
  now = after(now.job, 5, samples::exited(samples::kMainPid));
  now = after(now.job, 6, event::Emptied{});
  CHECK(now.job.state == JobState::kEnding);
  event::FollowedEnded ended{
      .record = samples::exited(Pid(702)).record,
      .used = CpuUse{.user = seconds(5), .system = seconds(1)}};
  CHECK(after(now.job, 7, ended).effects.empty());  // a stranger
  ended.record.pid = 701;
  const Job before = now.job;
  now = after(now.job, 7, ended);
  CHECK(count_of<effect::RecordProcess>(now.effects) == 1);
  CHECK(count_of<effect::Inspect>(now.effects) == 1);
  CHECK(now.job.processes_seen == before.processes_seen + 1);
  // Who is left in the kernel's map is looked at after a crash too.
  CHECK(count_of<effect::WatchFollowed>(resume(after(before, 7, ended).job)) ==
        1);
  CHECK(now.job.followed->used.user == seconds(3));
  CHECK(now.job.followed->used.system == seconds(0));
  CHECK(after(now.job, 8, ended).effects.empty());  // told twice
  CHECK(after(now.job, 8, event::Emptied{}).job.state == JobState::kClosing);
  ended.used.reset();
  CHECK(after(before, 7, ended).job.followed->unread == 1);
  CHECK_FALSE(
      has_followed(after(before, 7, event::Detached{Pid(701), Uid(0)}).job));
  CHECK_FALSE(has_followed(after(before, 7, event::JobDetached{}).job));
}

TEST_CASE("a member of another job is taken only into one nested there") {
  Candidate process = alices();
  process.job = JobId(5);
  process.job_is_ours = true;
  JobFacts job = job_facts();
  CHECK(refusal(process, job) == Refusal::kInvalid);
  CHECK(refusal(process, job, AttachMode::kNested) == Refusal::kInvalid);
  job.ancestors = {JobId(4), JobId(5)};
  CHECK_FALSE(refusal(process, job, AttachMode::kNested));
  CHECK(refusal(process, job) == Refusal::kInvalid);
  CHECK(refusal(alices(), job, AttachMode::kNested) == Refusal::kInvalid);
}

TEST_CASE("a transfer takes a member from another job of this instance") {
  Candidate process = alices();
  CHECK_FALSE(refusal(process, job_facts(), AttachMode::kTransfer));
  process.job = JobId(5);
  process.job_is_ours = true;
  CHECK(*check_attach(kAlice, process, job_facts(), AttachMode::kTransfer,
                      kRules) == AttachDeed::kMove);
  process.job_is_ours = false;
  CHECK(refusal(process, job_facts(), AttachMode::kTransfer) ==
        Refusal::kInvalid);
}

TEST_CASE("an ordinary user's instance takes nobody else's process") {
  const AuthorityRules own{.instance = Uid(1000)};
  for (const AttachMode mode : {AttachMode::kMove, AttachMode::kLogical})
    for (const Uid caller : {Uid(1000), Uid(0)}) {
      const Caller asks{.uid = caller, .pid = Pid(1)};
      Candidate process = alices();
      process.uids = {Uid(1000), Uid(1000), Uid(1000)};
      CHECK(check_attach(asks, process, job_facts(), mode, own));
      process.uids[1] = Uid(0);
      const auto deed = check_attach(asks, process, job_facts(), mode, own);
      REQUIRE_FALSE(deed);
      CHECK(deed.error().why == Refusal::kAccessDenied);
    }
}

TEST_CASE("nobody takes himself out of what binds him") {
  const Caller operator_of{.uid = Uid(7), .pid = Pid(1), .groups = {Gid(10)}};
  JobFacts job = job_facts();
  CHECK(check_detach(kAlice, job, kRules, false));
  CHECK_FALSE(check_detach(kAlice, job, kRules, true));
  CHECK(check_detach(kRoot, job, kRules, true));
  CHECK(check_detach(operator_of, job, kRules, true));
  job.kind = JobKind::kSession;
  CHECK_FALSE(check_detach(kAlice, job, kRules, false));
  CHECK(check_detach(kRoot, job, kRules, false));
}

TEST_CASE("a mode of attaching has one word each way") {
  CHECK(parse_attach_mode("move") == AttachMode::kMove);
  CHECK(parse_attach_mode("nested") == AttachMode::kNested);
  CHECK(parse_attach_mode("logical") == AttachMode::kLogical);
  CHECK(parse_attach_mode("transfer") == AttachMode::kTransfer);
  for (const char* wrong : {"", "Move", "keep"})
    CHECK_FALSE(parse_attach_mode(wrong));
}
