// SPDX-License-Identifier: Apache-2.0
// Who is told what: registrations, aggregates, jobs within jobs, and the order
// of what a source and the service of jobs tell.
#include "supervisor/providers.h"

#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "fake_world.h"

namespace {

namespace event = core::event;
using core::ProviderEventKind;
using supervisor::ProcessNews;
using supervisor::Slot;
using test::Fixture;

/// A source that does what the test says.
class FakeSource final : public supervisor::ProcessSource {
 public:
  explicit FakeSource(core::EventSource kind = core::EventSource::kEbpf)
      : kind_(kind) {}
  [[nodiscard]] core::EventSource kind() const override { return kind_; }
  void open(Opened opened) override {
    ++opens;
    opened_ = std::move(opened);
  }
  void close() override {
    ++closes;
    watched.clear();
  }
  core::Result<void> watch(Slot slot, std::uint64_t cgroup,
                           const std::string&) override {
    watched[cgroup] = slot;
    return {};
  }
  void unwatch(std::uint64_t cgroup, const std::string&) override {
    watched.erase(cgroup);
  }
  void set_wanted(Slot slot, core::ProviderEvents events) override {
    wanted[slot] = events;
  }
  Slot slot_of(core::Pid pid) override { return members[pid.raw()]; }
  core::Result<void> put(core::Pid pid, Slot slot,
                         const Change& /*change*/) override {
    members[pid.raw()] = slot;
    return {};
  }
  void in_order(std::function<void()> call) override {
    if (is_behind)
      due.push_back(std::move(call));
    else
      call();
  }
  void answer(bool is_open, std::string_view why = {}) {
    const Opened opened = std::exchange(opened_, nullptr);
    opened(is_open, why);
  }
  void catch_up() {
    is_behind = false;
    for (const auto& call : std::exchange(due, {}))
      call();
  }

  int opens = 0;
  int closes = 0;
  std::map<std::uint64_t, Slot> watched;
  std::map<Slot, core::ProviderEvents> wanted;
  std::map<std::int32_t, Slot> members;
  bool is_behind = false;
  std::vector<std::function<void()>> due;

 private:
  core::EventSource kind_;
  Opened opened_;
};

core::ProviderEvents only(std::initializer_list<ProviderEventKind> kinds) {
  core::ProviderEvents events;
  for (const ProviderEventKind kind : kinds)
    events.add(kind);
  return events;
}

struct World {
  World() {
    supervisor::Providers::Sources sources;
    auto one = std::make_unique<FakeSource>();
    auto two = std::make_unique<FakeSource>(core::EventSource::kConnector);
    source = one.get();
    second = two.get();
    sources.push_back(std::move(one));
    sources.push_back(std::move(two));
    fixture.providers.set_sources(std::move(sources));
  }

  /// Registers; the source opens.
  core::ProviderId add(
      const std::string& name,
      core::ProviderEvents events = core::ProviderEvents::all(),
      std::uint32_t uid = 0) {
    core::ProviderId id = 0;
    const int opens = source->opens;
    fixture.providers.register_provider(
        caller(uid), {.name = name, .events = events}, [&](auto made) {
          if (!made) {
            refusal = made.error().why;
            return;
          }
          id = made->id;
          readers[id] = sys::UniqueFd(std::move(made->events));
        });
    if (source->opens > opens) source->answer(true);
    return id;
  }
  static core::Caller caller(std::uint32_t uid = 0) {
    return {.uid = core::Uid(uid), .pid = core::Pid(1)};
  }
  core::JobId run_job(core::JobId parent = core::kNoJob) {
    core::JobSpec spec = Fixture::detached();
    fixture.service.create(Fixture::caller(), spec, {}, [](auto) {});
    fixture.service.settle();
    const core::JobId jid = fixture.table.jobs().rbegin()->first;
    if (parent != core::kNoJob) fixture.containers.nest(jid, parent);
    post(jid, event::ContainerMade{});
    post(jid, event::StartRecorded{});
    post(jid, event::Launched{core::Pid(42)});
    return jid;
  }
  void post(core::JobId jid, core::EventBody body) {
    fixture.service.post(jid, std::move(body));
    fixture.service.settle();
  }
  void end(core::JobId jid) {
    core::ExitRecord record;
    record.pid = 42;
    record.wait_status = 3 << 8;
    record.mark(core::Counters::kStatus);
    post(jid, event::ProcessExited{record});
    post(jid, event::Emptied{});
    post(jid, event::EndRecorded{});
    post(jid, event::ContainerRemoved{});
    CHECK(fixture.table.find(jid)->job.state == core::JobState::kEnded);
  }
  /// What the provider is told, in a word for each: "fork 7".
  std::vector<std::string> read(core::ProviderId id) {
    // A round comes after the pause that the last one earned.
    for (int i = 0; i < 400 && (i < 3 || is_waiting()); ++i) {
      fixture.loop.run_ready();
      (void)::usleep(100);
    }
    std::vector<std::string> words;
    char buffer[65536];
    for (;;) {
      const ssize_t size =
          ::recv(readers[id].get(), buffer, sizeof buffer, MSG_DONTWAIT);
      if (size <= 0) return words;
      const std::string text(buffer, static_cast<std::size_t>(size));
      for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
        words.push_back(word_of(text.substr(at, text.find('\n', at) - at)));
    }
  }
  [[nodiscard]] bool is_waiting() {
    return std::ranges::any_of(
        fixture.providers.list(caller()),
        [](const auto& view) { return view.waiting > 0; });
  }
  static std::string word_of(const std::string& line) {
    const auto value = [&line](const std::string& key) {
      const std::size_t at = line.find("\"" + key + "\":");
      if (at == std::string::npos) return std::string();
      const std::size_t from = at + key.size() + 3;
      const std::size_t end = line.find_first_of(",}", from);
      std::string text = line.substr(from, end - from);
      std::erase(text, '"');
      return text;
    };
    std::string word = value("event") + " " + value("aggregate");
    if (line.find("\"pid\"") != std::string::npos) word += " " + value("pid");
    if (value("event") == "job") word += " " + value("state");
    if (value("event") == "lost") word += value("count");
    if (value("event") == "begin") word += value("source");
    return word;
  }
  void happens(ProviderEventKind kind, Slot job, Slot member = 0,
               Slot origin = 0) {
    fixture.providers.sink().on_news({.kind = kind,
                                      .when = sys::boot_now(),
                                      .job = job,
                                      .member = member,
                                      .origin = origin,
                                      .pid = core::Pid(7)});
  }
  [[nodiscard]] Slot slot_of(core::JobId jid) const {
    const auto at = source->watched.find(jid.raw());
    return at == source->watched.end() ? 0 : at->second;
  }

  test::FakeEffects effects;
  Fixture fixture{effects};
  FakeSource* source = nullptr;
  FakeSource* second = nullptr;
  std::map<core::ProviderId, sys::UniqueFd> readers;
  std::optional<core::Refusal> refusal;
};

/// A process that is no part of Corral.
class Sleeper {
 public:
  Sleeper() {
    char name[] = "sleep";
    char time[] = "100";
    char* const words[] = {name, time, nullptr};
    REQUIRE(::posix_spawn(&pid_, "/bin/sleep", nullptr, nullptr, words,
                          nullptr) == 0);
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  ~Sleeper() {
    (void)::kill(pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] core::Pid pid() const { return core::Pid(pid_); }

 private:
  pid_t pid_ = -1;
};

using Words = std::vector<std::string>;

TEST_CASE("a source is open while somebody asks for what only it tells") {
  World world;
  const auto plain = world.add(
      "plain", only({ProviderEventKind::kJob, ProviderEventKind::kAttach}));
  CHECK(world.source->opens == 0);
  const auto one = world.add("one");
  const auto two = world.add("two", only({ProviderEventKind::kExit}));
  CHECK(world.source->opens == 1);
  CHECK(world.read(one) == Words{"begin ebpf"});
  world.fixture.providers.end_registration(one);
  world.fixture.loop.run_ready();
  CHECK(world.source->closes == 0);
  world.fixture.providers.end_registration(two);
  CHECK(world.source->closes == 0);  // not from within what it tells
  world.fixture.loop.run_ready();
  CHECK(world.source->closes == 1);
  CHECK(world.fixture.providers.is_registered(plain));
  (void)world.add("three");
  CHECK(world.source->opens == 2);
}

TEST_CASE("where the first source cannot be, the next is tried") {
  World world;
  core::ProviderId id = 0;
  world.fixture.providers.register_provider(
      World::caller(), {.name = "x", .events = core::ProviderEvents::all()},
      [&](auto made) {
        id = made->id;
        world.readers[id] = sys::UniqueFd(std::move(made->events));
      });
  world.source->answer(false, "no types");
  world.fixture.loop.run_ready();
  CHECK(id == 0);
  CHECK(world.source->closes == 1);
  REQUIRE(world.second->opens == 1);
  SUBCASE("and works") {
    world.second->answer(true);
    CHECK(world.read(id) == Words{"begin proc-connector"});
  }
  SUBCASE("or not: then nobody tells") {
    world.second->answer(false, "no right");
    world.fixture.loop.run_ready();
    CHECK(world.read(id) == Words{"begin none"});
  }
}

TEST_CASE("names are one registration's of a user, but for that of jobs") {
  World world;
  CHECK(world.add("one") != 0);
  CHECK(world.add("one") == 0);
  CHECK(world.refusal == core::Refusal::kNameTaken);
  CHECK(world.add("one", core::ProviderEvents::all(), 1000) != 0);
  CHECK(world.add("job") != 0);
  CHECK(world.add("job") != 0);
  CHECK(world.add("no name") == 0);
  CHECK(world.refusal == core::Refusal::kInvalid);
  for (int i = 1; i < 16; ++i)
    CHECK(world.add("n" + std::to_string(i), core::ProviderEvents::all(),
                    1000) != 0);
  CHECK(world.add("more", core::ProviderEvents::all(), 1000) == 0);
  CHECK(world.refusal == core::Refusal::kTooMany);
}

TEST_CASE("a job is watched from its attaching to its end") {
  World world;
  const auto id = world.add("one");
  const core::JobId jid = world.run_job();
  CHECK(world.slot_of(jid) == 0);
  auto& providers = world.fixture.providers;
  REQUIRE(providers.attach(World::caller(), "one", 5, {.job = jid}));
  REQUIRE(providers.attach(World::caller(), "one", 5, {.job = jid}));
  const Slot slot = world.slot_of(jid);
  REQUIRE(slot != 0);
  CHECK(world.source->wanted[slot].has(ProviderEventKind::kFork));
  world.happens(ProviderEventKind::kFork, slot);
  world.happens(ProviderEventKind::kExit, slot);
  world.end(jid);
  CHECK(world.slot_of(jid) == 0);
  const Words words = world.read(id);
  CHECK(words.front() == "begin ebpf");
  CHECK(words[1] == "job 0x5 running");
  CHECK(words[2] == "fork 0x5 7");
  CHECK(words[3] == "exit 0x5 7");
  CHECK(words.back() == "job 0x5 ended");
  CHECK(std::ranges::count(words, "exit 0x5 42") == 0);  // the source tells
  CHECK(!providers.attach(World::caller(), "one", 5, {.job = jid}));
}

TEST_CASE("without a source ends are told by who reaps") {
  World world;
  const auto id = world.add(
      "one", only({ProviderEventKind::kJob, ProviderEventKind::kAttach}));
  const auto jobs = world.add("job", only({ProviderEventKind::kAttach}));
  const core::JobId jid = world.run_job();
  REQUIRE(
      world.fixture.providers.attach(World::caller(), "one", 5, {.job = jid}));
  world.post(jid, event::Attached{.pid = core::Pid(50),
                                  .by = core::Uid(0),
                                  .command = "x",
                                  .origin = {}});
  world.post(jid, event::Detached{.pid = core::Pid(50), .by = core::Uid(0)});
  world.end(jid);
  const Words words = world.read(id);
  CHECK(std::ranges::count(words, "attach 0x5 50") == 1);
  CHECK(words.back() == "job 0x5 ended");
  const std::string aggregate(core::display(jid).view());
  CHECK(world.read(jobs) == Words{"begin none", "attach " + aggregate + " 42",
                                  "attach " + aggregate + " 50"});
}

TEST_CASE("what the source has not told yet comes before the job's own") {
  World world;
  const auto id = world.add("one");
  const core::JobId jid = world.run_job();
  REQUIRE(
      world.fixture.providers.attach(World::caller(), "one", 5, {.job = jid}));
  const Slot slot = world.slot_of(jid);
  (void)world.read(id);
  world.source->is_behind = true;
  world.end(jid);
  world.happens(ProviderEventKind::kExit, slot);
  world.source->catch_up();
  const Words words = world.read(id);
  REQUIRE(!words.empty());
  CHECK(words.front() == "exit 0x5 7");
  CHECK(words.back() == "job 0x5 ended");
}

TEST_CASE("jobs within jobs are of both, and each birth is told once") {
  World world;
  const auto id = world.add("one");
  const core::JobId outer = world.run_job();
  const core::JobId inner = world.run_job(outer);
  auto& providers = world.fixture.providers;
  REQUIRE(providers.attach(World::caller(), "one", 1, {.job = outer}));
  REQUIRE(providers.attach(World::caller(), "one", 2, {.job = inner}));
  (void)world.read(id);
  world.happens(ProviderEventKind::kExit, world.slot_of(inner));
  CHECK(world.read(id) == Words{"exit 0x2 7", "exit 0x1 7"});
  // Born of a member of the outer one: that was told as a fork.
  world.happens(ProviderEventKind::kAttach, world.slot_of(inner), 0,
                world.slot_of(outer));
  CHECK(world.read(id) == Words{"attach 0x2 7"});
  REQUIRE(providers.detach(World::caller(), "one", 2, {.job = inner}));
  CHECK(world.slot_of(inner) == 0);
  CHECK(!providers.detach(World::caller(), "one", 2, {.job = inner}));
}

TEST_CASE("what an inner job must tell is what is wanted around it") {
  World world;
  (void)world.add("exits", only({ProviderEventKind::kExit}));
  (void)world.add("forks", only({ProviderEventKind::kFork}));
  const core::JobId outer = world.run_job();
  const core::JobId inner = world.run_job(outer);
  auto& providers = world.fixture.providers;
  REQUIRE(providers.attach(World::caller(), "exits", 1, {.job = inner}));
  CHECK(!world.source->wanted[world.slot_of(inner)].has(
      ProviderEventKind::kFork));
  REQUIRE(providers.attach(World::caller(), "forks", 1, {.job = outer}));
  CHECK(
      world.source->wanted[world.slot_of(inner)].has(ProviderEventKind::kFork));
}

TEST_CASE("processes are members by themselves, of several") {
  World world;
  const auto one = world.add("one");
  const auto two = world.add("two");
  const auto plain = world.add("plain", only({ProviderEventKind::kJob}));
  (void)world.read(one);
  (void)world.read(two);
  auto& providers = world.fixture.providers;
  const Sleeper sleeper;
  const core::Pid child = sleeper.pid();
  const auto itself = [child] {
    return core::AggregateMember{.job = {},
                                 .process = {.pid = child, .pidfd = {}}};
  };
  REQUIRE(providers.attach(Fixture::caller(), "one", 1, itself()));
  REQUIRE(providers.attach(Fixture::caller(), "two", 2, itself()));
  const auto refused =
      providers.attach(Fixture::caller(), "plain", 2, itself());
  REQUIRE(!refused);
  CHECK(refused.error().why == core::Refusal::kNotSupported);
  const Slot both = world.source->members[child.raw()];
  world.happens(ProviderEventKind::kFork, 0, both);
  const std::string pid = std::to_string(child.raw());
  CHECK(world.read(one) == Words{"attach 0x1 " + pid, "fork 0x1 7"});
  CHECK(world.read(two) == Words{"attach 0x2 " + pid, "fork 0x2 7"});
  REQUIRE(providers.detach(Fixture::caller(), "one", 1, itself()));
  world.happens(ProviderEventKind::kFork, 0,
                world.source->members[child.raw()]);
  CHECK(world.read(one) == Words{"detach 0x1 " + pid});
  CHECK(world.read(two) == Words{"fork 0x2 7"});
  providers.end_registration(two);
  CHECK(world.source->wanted[both] ==
        core::ProviderEvents::all());                // one's part of it
  world.happens(ProviderEventKind::kFork, 0, both);  // one that forked before
  CHECK(world.read(one) == Words{"fork 0x1 7"});
  CHECK(providers.is_registered(plain));
}

TEST_CASE("losses are told to those who asked for what was lost") {
  World world;
  const auto exits = world.add("exits", only({ProviderEventKind::kExit}));
  const auto forks = world.add("forks", only({ProviderEventKind::kFork}));
  const core::JobId jid = world.run_job();
  auto& providers = world.fixture.providers;
  REQUIRE(providers.attach(World::caller(), "exits", 1, {.job = jid}));
  REQUIRE(providers.attach(World::caller(), "forks", 1, {.job = jid}));
  (void)world.read(exits);
  (void)world.read(forks);
  providers.sink().on_lost(world.slot_of(jid), ProviderEventKind::kExit, 4);
  CHECK(world.read(exits) == Words{"lost 4"});
  CHECK(world.read(forks).empty());
  const auto views = providers.list(World::caller());
  REQUIRE(views.size() == 2);
  CHECK(views[0].lost == 4);
  CHECK(views[1].lost == 0);
}

TEST_CASE("others neither see nor touch what is not theirs") {
  World world;
  const core::JobId before = world.run_job();
  (void)world.add("roots");
  const auto theirs = world.add("theirs", core::ProviderEvents::all(), 1000);
  const auto jobs = world.add("job", core::ProviderEvents::all(), 1000);
  const core::JobId jid = world.run_job();
  auto& providers = world.fixture.providers;
  const auto denied = [](const core::Answer<void>& answer) {
    return !answer && answer.error().why == core::Refusal::kAccessDenied;
  };
  CHECK(
      denied(providers.attach(World::caller(1000), "roots", 1, {.job = jid})));
  CHECK(
      denied(providers.attach(World::caller(1000), "theirs", 1, {.job = jid})));
  CHECK(denied(providers.unregister(World::caller(1000), "roots")));
  world.end(before);
  CHECK(world.read(theirs) == Words{"begin ebpf"});
  CHECK(world.read(jobs) == Words{"begin ebpf"});
  CHECK(providers.unregister(World::caller(1000), "theirs"));
  CHECK(!providers.is_registered(theirs));
}

TEST_CASE("with nobody registered the service of jobs tells nobody") {
  World world;
  CHECK(!world.fixture.is_listened_to);
  const auto id = world.add("job");
  CHECK(world.fixture.is_listened_to);
  world.fixture.providers.end_registration(id);
  CHECK(!world.fixture.is_listened_to);
  const core::JobId jid = world.run_job();
  world.end(jid);
  CHECK(world.source->watched.empty());
}

}  // namespace
