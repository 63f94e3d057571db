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

core::KillStep step_after_replay(const Fixture& fixture, core::JobId jid) {
  const auto restored = supervisor::replay(fixture.journal);
  REQUIRE(restored);
  return restored->table.find(jid)->job.kill.step;
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
  supervisor::Admission admission{
      {.instance = core::Uid(::geteuid()), .facts = {}, .most_live = 2},
      fixture.table,
      fixture.names};
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
