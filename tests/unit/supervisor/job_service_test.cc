// SPDX-License-Identifier: Apache-2.0
// The flow of events: what is believed is what the journal tells, whatever
// happens in whatever order, and everybody who asked is answered once.
#include "supervisor/job_service.h"

#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <optional>
#include <random>

#include <doctest/doctest.h>

#include "core/job_name.h"
#include "core/job_token.h"
#include "fake_world.h"

namespace {

namespace event = core::event;
namespace effect = core::effect;
using core::JobState;
using test::Fixture;

/// Asserts that a replay of the journal gives what is believed now.
void check_replay(const Fixture& fixture) {
  const auto restored = supervisor::replay(fixture.journal);
  REQUIRE(restored);
  REQUIRE(restored->table.jobs().size() == fixture.table.jobs().size());
  for (const auto& [jid, entry] : fixture.table.jobs()) {
    const auto* const again = restored->table.find(jid);
    REQUIRE(again != nullptr);
    REQUIRE(test::bytes_of(again->job) == test::bytes_of(entry.job));
    REQUIRE(again->state_entry == entry.state_entry);
  }
  REQUIRE(restored->table.live_count() == fixture.table.live_count());
  REQUIRE(restored->history.counters.last_sequence ==
          fixture.service.last_sequence());
}

/// A world in which anything that is asked for happens, or fails, at once or
/// later, sometimes twice, and in which people and the kernel interfere.
class RandomWorld final : public test::FakeEffects {
 public:
  RandomWorld(unsigned seed, test::FakeContainers& containers)
      : chance_(seed), containers_(containers) {}

  void connect(supervisor::EventSink& sink) { sink_ = &sink; }

  void run(const core::Job& job, const core::Effect& effect,
           std::uint64_t /*entry*/) override {
    const core::JobId jid = job.jid;
    const bool fails = roll(8) == 0;
    if (std::holds_alternative<effect::MakeContainer>(effect)) {
      if (fails) return later(jid, event::ContainerFailed{"no space"});
      later(jid, event::ContainerMade{});
    } else if (std::holds_alternative<effect::RecordStart>(effect)) {
      later(jid, event::StartRecorded{});
    } else if (std::holds_alternative<effect::Launch>(effect)) {
      if (fails)
        return later(jid,
                     event::LaunchFailed{{core::LaunchStage::kExec, 2}, "x"});
      later(jid,
            event::Launched{core::Pid(1 + static_cast<int>(jid.raw() % 99))});
      containers_.population[jid] = 1 + roll(3);
    } else if (std::holds_alternative<effect::Inspect>(effect)) {
      if (roll(2) == 0) containers_.population[jid] = 0;
      if (containers_.population[jid] == 0)
        later(jid, event::Emptied{});
      else
        later(jid, event::Populated{containers_.population[jid], "sleep"});
    } else if (std::holds_alternative<effect::KillAll>(effect)) {
      containers_.population[jid] = 0;
      later(jid, event::Emptied{});
    } else if (const auto* timer = std::get_if<effect::SetTimer>(&effect)) {
      later(jid, event::TimerFired{timer->timer});
    } else if (std::holds_alternative<effect::RecordEnd>(effect)) {
      later(jid, event::EndRecorded{});
    } else if (std::holds_alternative<effect::RemoveContainer>(effect)) {
      later(jid, event::ContainerRemoved{});
    } else if (std::holds_alternative<effect::WatchMain>(effect)) {
      later(jid, event::MainStatusLearned{});
    }
  }

  /// Lets one of the things that are due happen. False: nothing is due.
  bool step() {
    if (due_.empty()) return false;
    const std::size_t which = roll(static_cast<unsigned>(due_.size()));
    auto [jid, body] = due_[which];
    if (roll(6) != 0)  // else it happens again
      due_.erase(due_.begin() + static_cast<std::ptrdiff_t>(which));
    happen(jid, std::move(body));
    return true;
  }

  /// Something nobody asked for.
  void interfere(core::JobId jid) {
    const core::EventBody bodies[] = {
        event::Signalled{core::Uid(0), core::SignalNumber(10),
                         core::SignalTarget::kAll},
        event::EndRequested{.by = core::Uid(0), .who = "test", .plan = {}},
        event::OutOfMemory{},
        event::MainStopped{true},
        event::ReaperLost{},
        event::Emptied{},
        event::TimerFired{core::JobTimer::kKillPlan},
        event::EndRecorded{},
    };
    sink_->post(jid, bodies[roll(std::size(bodies))]);
  }

  unsigned roll(std::size_t sides) {
    return static_cast<unsigned>(chance_() % sides);
  }

 private:
  void later(core::JobId jid, core::EventBody body) {
    if (roll(3) == 0)
      happen(jid, std::move(body));
    else
      due_.emplace_back(jid, std::move(body));
  }
  /// A launch is told before the end of what it launched: the reaper keeps to
  /// that.
  void happen(core::JobId jid, core::EventBody body) {
    const auto* const launched = std::get_if<event::Launched>(&body);
    const core::Pid main = launched != nullptr ? launched->pid : core::Pid();
    sink_->post(jid, std::move(body));
    if (main == core::Pid() || !launched_.insert(jid).second) return;
    core::ExitRecord record;
    record.jid = jid.raw();
    record.pid = main.raw();
    record.mark(core::Counters::kStatus);
    due_.emplace_back(jid, event::ProcessExited{record});
  }

  std::mt19937 chance_;
  test::FakeContainers& containers_;
  supervisor::EventSink* sink_ = nullptr;
  std::set<core::JobId> launched_;
  std::vector<std::pair<core::JobId, core::EventBody>> due_;
};

TEST_CASE(
    "a detached job is answered when it was launched, a waiter at its "
    "end") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  auto& service = fixture.service;
  std::optional<core::Answer<core::CreatedJob>> created;
  service.create(Fixture::caller(), Fixture::detached(), {},
                 [&](auto answer) { created = std::move(answer); });
  service.settle();
  const core::JobId jid = core::make_job_id(Fixture::kHid, 1);
  REQUIRE(fixture.table.find(jid) != nullptr);
  CHECK(effects.has<effect::MakeContainer>(jid));
  CHECK_FALSE(created);
  service.post(jid, event::ContainerMade{});
  service.post(jid, event::StartRecorded{});
  service.post(jid, event::Launched{core::Pid(42)});
  service.settle();
  REQUIRE(created);
  REQUIRE(created->has_value());
  CHECK((*created)->jid == jid);
  CHECK(fixture.table.find(jid)->job.spec.env.empty());

  std::vector<std::string> order;
  class Observer final : public core::JobObserver {
   public:
    explicit Observer(std::vector<std::string>& order) : order_(order) {}
    void on_job_new(const core::Job&) override {}
    void on_job_changed(const core::Job&) override {}
    void on_soft_limit_passed(const core::Job&,
                              const core::LimitHit&) override {}
    void on_limit_passed(const core::Job&) override {
      order_.emplace_back("limit");
    }
    void on_job_forgotten(core::JobId) override {
      order_.emplace_back("forgotten");
    }
    void on_job_removed(const core::Job&) override {
      order_.emplace_back("removed");
    }

   private:
    std::vector<std::string>& order_;
  } observer(order);
  service.set_observer(&observer);
  CHECK(service.wait(Fixture::caller(), jid, [&](auto answer) {
    REQUIRE(answer);
    CHECK(answer->result.reason == core::Reason::kExited);
    order.emplace_back("answered");
  }) != 0);
  core::ExitRecord record;
  record.pid = 42;
  record.mark(core::Counters::kStatus);
  record.wait_status = 3 << 8;
  service.post(jid, event::ProcessExited{record});
  service.post(jid, event::Emptied{});
  service.post(jid, event::EndRecorded{});
  CHECK(order.empty());
  service.post(jid, event::ContainerRemoved{});
  service.settle();
  CHECK(order == std::vector<std::string>{"answered", "removed"});
  CHECK(effects.released.contains(jid));
  service.set_observer(nullptr);
  bool is_answered_at_once = false;
  CHECK(service.wait(Fixture::caller(), jid,
                     [&](auto) { is_answered_at_once = true; }) == 0);
  CHECK(is_answered_at_once);
  check_replay(fixture);
}

TEST_CASE("a launch that failed is told before what is left of it has ended") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  auto& service = fixture.service;
  std::optional<core::Answer<core::CreatedJob>> created;
  service.create(Fixture::caller(), Fixture::detached(), {},
                 [&](auto answer) { created = std::move(answer); });
  service.settle();
  const core::JobId jid = core::make_job_id(Fixture::kHid, 1);
  service.post(jid, event::ContainerMade{});
  service.post(jid, event::StartRecorded{});
  service.post(jid, event::LaunchFailed{
                        {.stage = core::LaunchStage::kExec, .code = ETIME},
                        core::Text<96>("slow")});
  service.settle();
  REQUIRE(fixture.table.find(jid)->job.state == core::JobState::kEnding);
  REQUIRE(created);
  REQUIRE_FALSE(created->has_value());
  CHECK(created->error().why == core::Refusal::kNotExecutable);
  CHECK(created->error().text.ends_with(
      "was killed: no answer in time while executing the program slow"));
}

TEST_CASE("a repeated token of an owner is the same job") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  auto& service = fixture.service;
  int answers = 0;
  core::JobId last;
  const auto count = [&](core::Answer<core::CreatedJob> answer) {
    REQUIRE(answer);
    last = answer->jid;
    ++answers;
  };
  service.create(Fixture::caller(), Fixture::detached("t"), {}, count);
  service.settle();
  service.create(Fixture::caller(), Fixture::detached("t"), {}, count);
  service.settle();
  CHECK(fixture.table.jobs().size() == 1);
  const core::JobId jid = fixture.table.jobs().begin()->first;
  service.post(jid, event::ContainerMade{});
  service.post(jid, event::StartRecorded{});
  service.post(jid, event::Launched{core::Pid(42)});
  service.settle();
  CHECK(answers == 2);
  service.create(Fixture::caller(), Fixture::detached("t"), {}, count);
  CHECK(answers == 3);
  CHECK(last == jid);
  service.create(Fixture::caller(), Fixture::detached("u"), {}, count);
  service.settle();
  CHECK(fixture.table.jobs().size() == 2);
}

TEST_CASE(
    "a foreground job's link is offered, and offered again to a caller "
    "who lost us") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  auto& service = fixture.service;
  class Nobody final : public supervisor::ScopeEvents {
    void on_scope_launched(core::JobId, const reaper::ScopeLaunched&,
                           sys::UniqueFd) override {}
    void on_scope_failed(core::JobId, const reaper::Launched&) override {}
    void on_scope_exit(core::JobId, const core::ExitRecord&) override {}
    void on_scope_batch_end(core::JobId) override {}
    void on_scope_stopped(core::JobId, const reaper::Stopped&) override {}
    void on_scope_populated(core::JobId, const reaper::Populated&) override {}
    void on_scope_gone(core::JobId) override {}
  } nobody;
  fixture.scopes.set_events(nobody);
  core::JobSpec spec = Fixture::detached("t");
  spec.kind = core::JobKind::kForeground;
  std::vector<core::CreatedJob> created;
  const auto take = [&](core::Answer<core::CreatedJob> answer) {
    REQUIRE(answer);
    created.push_back(*std::move(answer));
  };
  service.create(Fixture::caller(), spec, {}, take);
  service.settle();
  const core::JobId jid = fixture.table.jobs().begin()->first;
  service.post(jid, event::ContainerMade{});
  service.post(jid, event::StartRecorded{});
  service.settle();
  REQUIRE(created.size() == 1);
  CHECK(created[0].link.is_open());
  CHECK(created[0].container.is_open());
  CHECK(fixture.scopes.is_open(jid));
  service.create(Fixture::caller(), spec, {}, take);
  REQUIRE(created.size() == 2);
  CHECK(created[1].jid == jid);
  CHECK(created[1].link.is_open());
}

TEST_CASE("what a request must not hold is said in one sentence") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  const auto refusal_of = [&](const core::JobSpec& spec) {
    std::optional<core::Refused> refused;
    fixture.service.create(Fixture::caller(), spec, {}, [&](auto answer) {
      if (!answer) refused = answer.error();
    });
    return refused ? refused->text : std::string();
  };
  core::JobSpec spec = Fixture::detached();
  spec.argv.clear();
  CHECK(refusal_of(spec).starts_with("no program was named"));
  spec = Fixture::detached();
  spec.cwd = "tmp";
  CHECK(refusal_of(spec).starts_with("the working directory is relative"));
  spec = Fixture::detached();
  spec.env = {"PATH"};
  CHECK(refusal_of(spec).find("NAME=value") != std::string::npos);
  spec = Fixture::detached();
  spec.name = std::string(65, 'x');
  CHECK(refusal_of(spec).starts_with("the name is 'xxx"));
  spec.name = "self";
  CHECK(refusal_of(spec) ==
        std::string("the name is 'self', expected ") + core::kJobNameExpected);
  spec = Fixture::detached();
  for (const std::string& token : {std::string(65, 'x'), std::string("a b")}) {
    spec.token = token;
    CHECK(refusal_of(spec) ==
          "the token is '" + token + "', expected " + core::kTokenExpected);
  }
  spec = Fixture::detached();
  spec.kill_plan.first_signal = core::SignalNumber(65);
  CHECK(refusal_of(spec).starts_with("the first signal"));
  spec = Fixture::detached();
  spec.limits.memory = core::Bytes(1);
  CHECK(refusal_of(spec).starts_with(
      "limit 'memory' holds for the data of each process (RLIMIT_DATA), not"));
  spec = Fixture::detached();
  spec.argv.emplace_back(9U << 20, 'x');
  CHECK(refusal_of(spec).starts_with("arguments and environment are"));
  spec = Fixture::detached();
  spec.name = "twice";
  CHECK(refusal_of(spec).empty());
  fixture.service.settle();
  CHECK(refusal_of(spec).find("is named 'twice' already") != std::string::npos);
  CHECK(fixture.table.jobs().size() == 1);
}

TEST_CASE("another user may see a job but neither signal nor end it") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  fixture.service.create(Fixture::caller(), Fixture::detached(), {},
                         [](auto) {});
  fixture.service.settle();
  const core::JobId jid = fixture.table.jobs().begin()->first;
  const core::Caller other = {core::Uid(::geteuid() + 1), core::Pid(1)};
  const auto seen = fixture.service.show(other, jid);
  REQUIRE(seen);
  CHECK(seen->argv.empty());
  const auto ended = fixture.service.end(other, jid, {});
  REQUIRE_FALSE(ended);
  CHECK(ended.error().why == core::Refusal::kAccessDenied);
  CHECK_FALSE(fixture.service.processes(other, jid));
  CHECK_FALSE(fixture.service.shut_down(other));
  int refusals = 0;
  const auto count = [&refusals](const auto& answer) {
    if (!answer && answer.error().why == core::Refusal::kAccessDenied)
      ++refusals;
  };
  fixture.service.switch_accounting(other, count);
  fixture.service.turn_accounting(other, false, count);
  CHECK(refusals == 2);
  CHECK(fixture.service.accounting_status().is_on);
  CHECK_FALSE(fixture.service.show(other, core::JobId(12345)));
}

TEST_CASE(
    "in any order of events the journal tells what is believed, and "
    "every job ends and every asker is answered") {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    test::FakeContainers unused;
    std::optional<Fixture> fixture;
    std::optional<RandomWorld> world;
    // The world needs the fixture's containers, the fixture the world.
    struct Late final : supervisor::EffectSink {
      RandomWorld* world = nullptr;
      void run(const core::Job& job, const core::Effect& effect,
               std::uint64_t entry) override {
        world->run(job, effect, entry);
      }
      void release(const core::Job& job) override { world->release(job); }
    } late;
    fixture.emplace(late);
    world.emplace(seed, fixture->containers);
    late.world = &*world;
    world->connect(fixture->service);
    std::size_t created = 0;
    std::size_t answered = 0;
    std::size_t waited = 0;
    for (int round = 0; round < 200; ++round) {
      if (created < 12 && world->roll(4) == 0) {
        core::JobSpec spec = Fixture::detached();
        spec.stragglers = static_cast<core::Stragglers>(world->roll(3));
        fixture->service.create(Fixture::caller(), spec, {},
                                [&](auto) { ++answered; });
        ++created;
      }
      if (world->roll(6) == 0 && !fixture->table.jobs().empty()) {
        const auto& jobs = fixture->table.jobs();
        world->interfere(
            std::next(jobs.begin(), world->roll(jobs.size()))->first);
      }
      (void)world->step();
      fixture->service.settle();
      if (round % 20 == 0) check_replay(*fixture);
    }
    for (const auto& [jid, entry] : fixture->table.jobs())
      (void)fixture->service.wait(Fixture::caller(), jid,
                                  [&](auto) { ++waited; });
    for (int round = 0; round < 5000 && fixture->table.live_count() > 0;
         ++round) {
      (void)world->step();
      if (round % 50 == 49)  // whoever lingers or ignores signals goes at last
        for (const auto& [jid, entry] : fixture->table.jobs())
          fixture->service.post(jid, event::Emptied{});
      fixture->service.settle();
    }
    CHECK(fixture->table.live_count() == 0);
    CHECK(answered == created);
    CHECK(waited == created);
    check_replay(*fixture);

    // A compaction keeps all of it.
    supervisor::History history;
    history.counters.hid = Fixture::kHid;
    history.counters.last_sequence = fixture->service.last_sequence();
    REQUIRE(fixture->journal.compact(
        [&](supervisor::Journal& journal) {
          return supervisor::write_snapshot(journal, fixture->table, history,
                                            {});
        },
        [](int) -> core::Result<void> { return {}; }));
    check_replay(*fixture);
  }
}

TEST_CASE("what the journal refuses is not believed, and tried again") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  fixture.service.create(Fixture::caller(), Fixture::detached(), {},
                         [](auto) {});
  // What a full memory looks like: the memfd may not grow.
  (void)::signal(SIGXFSZ, SIG_IGN);
  rlimit before = {};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  rlimit none = before;
  none.rlim_cur = fixture.journal.size();
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &none) == 0);
  fixture.service.settle();
  const std::size_t believed = fixture.table.jobs().size();
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  CHECK(believed == 0);
  CHECK(effects.asked.empty());
  CHECK(fixture.settled == 0);
  fixture.service.settle();
  CHECK(fixture.table.jobs().size() == 1);
  CHECK(fixture.settled == 1);
  check_replay(fixture);
}

}  // namespace
