// SPDX-License-Identifier: Apache-2.0
// What a caller is told is true: a request that was answered is in the journal
// and was acted on, one that was refused is never done, and of several that
// want one name or one place one has it.
#include <pwd.h>
#include <signal.h>
#include <sys/resource.h>

#include <optional>
#include <vector>

#include <doctest/doctest.h>

#include "fake_world.h"

namespace {

namespace event = core::event;
namespace effect = core::effect;
using test::Fixture;

/// What a full memory looks like: the memfd may not grow.
class FullJournal {
 public:
  explicit FullJournal(const supervisor::Journal& journal) {
    (void)::signal(SIGXFSZ, SIG_IGN);
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    rlimit none = before_;
    none.rlim_cur = journal.size();
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &none) == 0);
  }
  FullJournal(const FullJournal&) = delete;
  FullJournal& operator=(const FullJournal&) = delete;
  ~FullJournal() { (void)::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_ = {};
};

/// A job whose first process runs.
core::JobId run_job(Fixture& fixture) {
  fixture.service.create(Fixture::caller(), Fixture::detached(), {},
                         [](auto) {});
  fixture.service.settle();
  const core::JobId jid = fixture.table.jobs().rbegin()->first;
  for (const core::EventBody& body :
       {core::EventBody(event::ContainerMade{}),
        core::EventBody(event::StartRecorded{}),
        core::EventBody(event::Launched{core::Pid(42)})})
    fixture.service.post(jid, body);
  fixture.service.settle();
  REQUIRE(fixture.table.find(jid)->job.state == core::JobState::kRunning);
  return jid;
}

struct Observer final : core::JobObserver {
  int limits = 0;
  std::vector<core::JobId> forgotten;
  void on_job_new(const core::Job&) override {}
  void on_job_changed(const core::Job&) override {}
  void on_soft_limit_passed(const core::Job&, const core::LimitHit&) override {}
  void on_limit_passed(const core::Job& job) override {
    CHECK(job.limit_hit->kind == core::LimitKind::kCpuTime);
    ++limits;
  }
  void on_job_removed(const core::Job&) override {}
  void on_job_forgotten(core::JobId jid) override { forgotten.push_back(jid); }
};

core::KillStep step_after_replay(const Fixture& fixture, core::JobId jid) {
  const auto restored = supervisor::replay(fixture.journal);
  REQUIRE(restored);
  return restored->table.find(jid)->job.kill.step;
}

TEST_CASE("usage is told while a job lives, and when it has ended") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  const core::JobId jid = run_job(fixture);
  fixture.containers.population[jid] = 3;
  const auto live = fixture.service.usage(Fixture::caller(), jid);
  REQUIRE(live);
  CHECK(live->processes == 3U);
  CHECK_FALSE(live->memory.has_value());
  core::ExitRecord record;
  record.pid = 42;
  record.mark(core::Counters::kStatus);
  fixture.service.post(jid, event::ProcessExited{record});
  core::JobTotals totals;
  totals.user_time = core::Microseconds(5);
  fixture.service.post(jid, event::Emptied{totals, {}});
  fixture.service.settle();
  const auto ended = fixture.service.usage(Fixture::caller(), jid);
  REQUIRE(ended);
  CHECK(ended->processes == 0U);
  CHECK(ended->totals.user_time == core::Microseconds(5));
  CHECK(fixture.service.usage(Fixture::caller(), core::JobId(5)).error().why ==
        core::Refusal::kNoSuchJob);
}

TEST_CASE("a job without a name is not found by an empty one") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  const core::JobId jid = run_job(fixture);
  REQUIRE(fixture.table.find(jid)->job.spec.name.empty());
  const auto found = fixture.service.find(Fixture::caller(), "");
  REQUIRE_FALSE(found);
  CHECK(found.error().why == core::Refusal::kNoSuchJob);
}

TEST_CASE("it is told which ended jobs are forgotten") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  fixture.table.set_remembering({.most = 0, .within = core::seconds(1)});
  Observer observer;
  fixture.service.set_observer(&observer);
  const core::JobId jid = run_job(fixture);
  core::ExitRecord record;
  record.pid = 42;
  record.mark(core::Counters::kStatus);
  for (const core::EventBody& body :
       {core::EventBody(event::ProcessExited{record}),
        core::EventBody(event::Emptied{}),
        core::EventBody(event::EndRecorded{})})
    fixture.service.post(jid, body);
  fixture.service.settle();
  CHECK(observer.forgotten.empty());
  fixture.service.post(jid, event::ContainerRemoved{});
  fixture.service.settle();
  CHECK(observer.forgotten == std::vector<core::JobId>{jid});
  CHECK(fixture.table.find(jid) == nullptr);
  fixture.service.set_observer(nullptr);
}

TEST_CASE("a limit that is passed is told once") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  Observer observer;
  fixture.service.set_observer(&observer);
  core::JobSpec spec = Fixture::detached();
  spec.limits.cpu_time = core::seconds(1);
  fixture.service.create(Fixture::caller(), spec, {}, [](auto) {});
  fixture.service.settle();
  const core::JobId jid = fixture.table.jobs().rbegin()->first;
  for (const core::EventBody& body :
       {core::EventBody(event::ContainerMade{}),
        core::EventBody(event::StartRecorded{}),
        core::EventBody(event::Launched{core::Pid(42)}),
        core::EventBody(event::CpuRead{core::seconds(2), 1}),
        core::EventBody(event::CpuRead{core::seconds(3), 1})})
    fixture.service.post(jid, body);
  fixture.service.settle();
  CHECK(observer.limits == 1);
  fixture.service.set_observer(nullptr);
}

TEST_CASE("a request that was answered is in the journal and was acted on") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  const core::JobId jid = run_job(fixture);
  effects.asked.clear();
  REQUIRE(fixture.service.signal(Fixture::caller(), jid, core::SignalNumber(10),
                                 core::SignalTarget::kMain));
  CHECK(effects.has<effect::Signal>(jid));
  effects.asked.clear();
  REQUIRE(fixture.service.end(Fixture::caller(), jid, {}));
  CHECK(effects.has<effect::Signal>(jid));
  CHECK(step_after_replay(fixture, jid) == core::KillStep::kAsked);
}

TEST_CASE("signal 0 tells whether another could be sent, and does nothing") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  const core::JobId jid = run_job(fixture);
  effects.asked.clear();
  const auto probe = [&](core::Uid uid, core::SignalTarget target) {
    core::Caller caller = Fixture::caller();
    caller.uid = uid;
    return fixture.service.signal(caller, jid, core::SignalNumber(0), target);
  };
  const core::Uid own = Fixture::caller().uid;
  {
    const FullJournal full(fixture.journal);  // nothing is entered for it
    CHECK(probe(own, core::SignalTarget::kAll));
    CHECK(probe(own, core::SignalTarget::kMain));
  }
  CHECK_FALSE(probe(core::Uid(own.raw() + 1), core::SignalTarget::kAll));
  CHECK(effects.asked.empty());
}

TEST_CASE("what the journal refuses is refused, and not done later") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  const core::JobId jid = run_job(fixture);
  effects.asked.clear();
  const auto refuse_both = [&] {
    const auto signalled =
        fixture.service.signal(Fixture::caller(), jid, core::SignalNumber(10),
                               core::SignalTarget::kMain);
    const auto ended = fixture.service.end(Fixture::caller(), jid, {});
    REQUIRE_FALSE(signalled);
    REQUIRE_FALSE(ended);
    CHECK(signalled.error().why == core::Refusal::kUnavailable);
    CHECK(ended.error().why == core::Refusal::kUnavailable);
  };
  {
    const FullJournal full(fixture.journal);
    refuse_both();
    // What waits already keeps its place.
    fixture.service.post(jid, event::OutOfMemory{});
    refuse_both();
  }
  fixture.service.settle();
  CHECK(fixture.table.find(jid)->job.ran_out_of_memory);
  CHECK_FALSE(fixture.table.find(jid)->job.cancelled);
  CHECK(effects.asked.empty());
  CHECK(fixture.service.end(Fixture::caller(), jid, {}));
}

TEST_CASE("a job that is accepted has its name and its token at once") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  core::JobSpec spec = Fixture::detached("t");
  spec.name = "x";
  std::vector<core::Answer<core::CreatedJob>> answers;
  const auto keep = [&](auto answer) { answers.push_back(std::move(answer)); };
  fixture.service.create(Fixture::caller(), spec, {}, keep);
  fixture.service.create(Fixture::caller(), spec, {}, keep);  // it came again
  CHECK(answers.empty());
  spec.token = "u";
  fixture.service.create(Fixture::caller(), spec, {}, keep);
  REQUIRE(answers.size() == 1);
  REQUIRE_FALSE(answers[0]);
  CHECK(answers[0].error().why == core::Refusal::kNameTaken);
  fixture.service.settle();
  CHECK(fixture.table.jobs().size() == 1);
}

TEST_CASE("of several that wait for a user's name one gets the job's name") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  const passwd* const user = ::getpwuid(::geteuid());
  if (user == nullptr) return;  // nobody to ask for
  core::JobSpec spec = Fixture::detached();
  spec.name = "x";
  spec.user = user->pw_name;
  int taken = 0;
  int asked = 0;
  for (; asked < 4; ++asked)
    fixture.service.create(Fixture::caller(), spec, {}, [&](auto answer) {
      if (!answer && answer.error().why == core::Refusal::kNameTaken) ++taken;
      if (taken == 3) fixture.loop.stop();
    });
  CHECK(taken == 0);  // nobody has it yet
  supervisor::Timer patience(fixture.loop, [&] { fixture.loop.stop(); });
  patience.set(sys::boot_now() + core::seconds(20));
  fixture.loop.run();
  fixture.service.settle();
  CHECK(taken == 3);
  CHECK(fixture.table.jobs().size() == 1);
}

TEST_CASE("the bound counts jobs that are accepted and not made yet") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  supervisor::Admission admission{{.instance = core::Uid(::geteuid()),
                                   .facts = {},
                                   .means = {},
                                   .most_live = 2},
                                  fixture.table,
                                  fixture.names,
                                  fixture.site_limits};
  const core::JobSpec spec = Fixture::detached();
  CHECK(admission.check_room(Fixture::caller(), spec));
  fixture.table.promise(core::JobId(1), core::Uid(5), spec);
  CHECK(admission.check_room(Fixture::caller(), spec));
  fixture.table.promise(core::JobId(2), core::Uid(5), spec);
  const auto refused = admission.check_room(Fixture::caller(), spec);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().why == core::Refusal::kTooMany);
}

}  // namespace
