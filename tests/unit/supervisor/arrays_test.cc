// SPDX-License-Identifier: Apache-2.0
// Arrays in a service: members are made and counted once, whatever entry of the
// journal a supervisor's death came behind, and requests about an array reach
// its members.
#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "fake_world.h"

namespace {

namespace event = core::event;
namespace effect = core::effect;
using core::JobState;
using test::Fixture;

core::JobSpec array_spec(const char* range, const char* name = "parts") {
  core::JobSpec spec = Fixture::detached();
  spec.kind = core::JobKind::kArray;
  spec.name = name;
  spec.array = *core::parse_array_range(range);
  return spec;
}

/// Turns of the loop, so that members are made.
void turn(Fixture& fixture) {
  for (int i = 0; i < 40; ++i) {
    fixture.service.settle();
    fixture.loop.run_ready();
  }
  fixture.service.settle();
}

core::JobId make_array(Fixture& fixture, core::JobSpec spec) {
  core::JobId made;
  fixture.service.create(Fixture::caller(), std::move(spec), {},
                         [&](const auto& job) {
                           REQUIRE(job);
                           made = job->jid;
                         });
  fixture.service.settle();
  const core::JobId jid = fixture.table.jobs().rbegin()->first;
  fixture.service.post(jid, event::ContainerMade{});
  turn(fixture);
  CHECK(made == jid);
  return jid;
}

std::vector<core::JobId> members(const supervisor::JobTable& table,
                                 core::JobId array, bool is_live = true) {
  std::vector<core::JobId> found;
  for (const auto& [jid, entry] : table.jobs())
    if (entry.job.spec.member.array == array &&
        (!is_live || entry.job.state != JobState::kEnded))
      found.push_back(jid);
  return found;
}

void start(supervisor::JobService& service, core::JobId jid, int pid = 42) {
  service.post(jid, event::ContainerMade{});
  service.post(jid, event::StartRecorded{});
  service.post(jid, event::Launched{core::Pid(pid)});
}

void finish(supervisor::JobService& service, core::JobId jid, int code = 0) {
  start(service, jid);
  core::ExitRecord record;
  record.pid = 42;
  record.wait_status = code << 8;
  record.mark(core::Counters::kStatus);
  service.post(jid, event::ProcessExited{record});
  service.post(jid, event::Emptied{});
  service.post(jid, event::EndRecorded{});
  service.post(jid, event::ContainerRemoved{});
}

TEST_CASE("an array has as many members at a time as it may") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  const core::JobId array = make_array(fixture, array_spec("1-5%2"));
  auto live = members(fixture.table, array);
  REQUIRE(live.size() == 2);
  CHECK(fixture.table.find(live[0])->job.spec.name == "parts[1]");
  finish(fixture.service, live[0], 3);
  turn(fixture);
  live = members(fixture.table, array);
  REQUIRE(live.size() == 2);
  CHECK(fixture.table.find(live[1])->job.spec.member.index == 3);
  while (!members(fixture.table, array).empty()) {
    finish(fixture.service, members(fixture.table, array)[0]);
    turn(fixture);
  }
  const core::Job& ended = fixture.table.find(array)->job;
  CHECK(ended.state == JobState::kEnded);
  CHECK(ended.progress.ended == 5);
  CHECK(core::shell_code(ended.result) == 3);
  CHECK(members(fixture.table, array, false).size() == 5);
}

TEST_CASE("who waits for an array is answered when its last member has ended") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  const core::JobId array = make_array(fixture, array_spec("7"));
  int answers = 0;
  fixture.service.wait(Fixture::caller(), array, [&](const auto& view) {
    REQUIRE(view);
    CHECK(view->array.size == 1);
    CHECK(view->array.failed == 1);
    ++answers;
  });
  finish(fixture.service, members(fixture.table, array)[0], 1);
  turn(fixture);
  CHECK(answers == 1);
}

TEST_CASE("requests about an array are about its members") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  const auto caller = Fixture::caller();
  const core::JobId array = make_array(fixture, array_spec("1-9%2"));
  CHECK_FALSE(fixture.service.signal(caller, array, core::kSigterm,
                                     core::SignalTarget::kAll));
  for (const core::JobId jid : members(fixture.table, array))
    start(fixture.service, jid);
  CHECK(fixture.service.signal(caller, array, core::kSigterm,
                               core::SignalTarget::kAll));
  for (const core::JobId jid : members(fixture.table, array))
    CHECK(effects.has<effect::Signal>(jid));
  CHECK(fixture.service.set_limits(caller, array, {}, false).error().why ==
        core::Refusal::kInvalid);
  CHECK(fixture.service.end(caller, array, {}));
  for (const core::JobId jid : members(fixture.table, array))
    CHECK(fixture.table.find(jid)->job.cancelled.has_value());
  for (const core::JobId jid : members(fixture.table, array))
    finish(fixture.service, jid, 1);
  turn(fixture);
  const core::Job& ended = fixture.table.find(array)->job;
  CHECK(ended.state == JobState::kEnded);
  CHECK(ended.result.reason == core::Reason::kCancelled);
  CHECK(ended.progress.made == 2);
}

TEST_CASE("members are found by the array's name or jid and their index") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  const auto caller = Fixture::caller();
  const core::JobId array = make_array(fixture, array_spec("3-9:3%1"));
  const core::JobId first = members(fixture.table, array)[0];
  const std::string jid(core::display(array).view());
  CHECK(fixture.service.find(caller, "parts[3]") == first);
  CHECK(fixture.service.find(caller, jid + "[3]") == first);
  const auto text = [&](const std::string& name) {
    const auto found = fixture.service.find(caller, name);
    REQUIRE_FALSE(found);
    CHECK(found.error().why == core::Refusal::kNoSuchJob);
    return found.error().text;
  };
  CHECK(text("parts[6]").find("has not begun yet") != std::string::npos);
  CHECK(text("parts[4]").starts_with("there is no 'parts[4]'"));
  CHECK(text("other[4]") == "there is no job 'other[4]'");
  const core::JobPage page =
      fixture.service.list(caller,
                           {.owner = {},
                            .with_ended = true,
                            .detail = core::Detail::kBrief,
                            .array = array},
                           {}, 100);
  CHECK(page.jobs.size() == 2);
}

TEST_CASE("one member is ended, whether it is made or not") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  const auto caller = Fixture::caller();
  const core::JobId array = make_array(fixture, array_spec("1-4%1"));
  const core::JobId first = members(fixture.table, array)[0];
  CHECK(fixture.service.end_member(caller, array, 1, {}));
  CHECK(fixture.table.find(first)->job.cancelled.has_value());
  CHECK(fixture.service.end_member(caller, array, 2, {}));
  CHECK(fixture.service.end_member(caller, array, 4, {}));
  CHECK(fixture.service.end_member(caller, array, 9, {}).error().why ==
        core::Refusal::kNoSuchJob);
  CHECK(fixture.service.end_member(caller, first, 1, {}).error().why ==
        core::Refusal::kInvalid);
  CHECK(
      fixture.service.end_member({core::Uid(4711), core::Pid(1)}, array, 3, {})
          .error()
          .why == core::Refusal::kAccessDenied);
  finish(fixture.service, first);
  turn(fixture);
  const auto live = members(fixture.table, array);
  REQUIRE(live.size() == 1);
  CHECK(fixture.table.find(live[0])->job.spec.member.index == 3);
  finish(fixture.service, live[0]);
  turn(fixture);
  const auto view = fixture.service.show(caller, array);
  REQUIRE(view);
  CHECK(view->state == JobState::kEnded);
  CHECK(view->array.made == 2);
  CHECK(view->array.dropped == 2);
}

TEST_CASE("what is no array's is refused") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  const auto refused = [&](core::JobSpec spec) {
    core::Refusal why = core::Refusal::kEnded;
    fixture.service.create(Fixture::caller(), std::move(spec), {},
                           [&](const auto& job) {
                             REQUIRE_FALSE(job);
                             why = job.error().why;
                           });
    return why;
  };
  core::JobSpec spec = Fixture::detached();
  spec.array = *core::parse_array_range("1-3");
  CHECK(refused(spec) == core::Refusal::kInvalid);
  spec = array_spec("1-3");
  spec.array = {};
  CHECK(refused(spec) == core::Refusal::kInvalid);
  spec = array_spec("1-3");
  spec.parent = core::make_job_id(Fixture::kHid, 1);
  CHECK(refused(spec) == core::Refusal::kInvalid);
}

TEST_CASE("the end of a member is known until its array has counted it") {
  supervisor::JobTable table;
  table.set_remembering({.most = 0, .within = core::seconds(0)});
  core::Job array;
  array.jid = core::JobId(1);
  array.spec = array_spec("1-2");
  array.progress.open = {core::JobId(2)};
  core::Job member;
  member.jid = core::JobId(2);
  member.spec.member = {.array = core::JobId(1), .index = 1};
  member.state = JobState::kEnded;
  auto& entry = table.insert(array, 1);
  table.insert(member, 2);
  CHECK(table.forget_old({}).empty());
  array.progress.open.clear();
  table.update(entry, array, 3);
  CHECK(table.forget_old({}).size() == 1);
}

/// What is in a journal, entry by entry.
std::vector<std::vector<std::byte>> entries_of(
    const supervisor::Journal& journal) {
  std::vector<std::vector<std::byte>> entries;
  REQUIRE(journal.replay([&](const supervisor::JournalEntry& entry) {
    entries.emplace_back(entry.body.begin(), entry.body.end());
    return core::Result<void>();
  }));
  return entries;
}

/// Lets members live and end until the array has.
void live_on(Fixture& fixture, core::JobId array) {
  for (int i = 0; i < 50; ++i) {
    turn(fixture);
    if (fixture.table.find(array)->job.state == JobState::kEnded) return;
    if (fixture.table.find(array)->job.state == JobState::kPreparing)
      fixture.service.post(array, event::ContainerMade{});
    if (const auto live = members(fixture.table, array); !live.empty())
      finish(fixture.service, live[0]);
  }
}

/// One whole life of an array, as its journal has it. `ends`: it is killed in
/// the middle of that.
std::vector<std::vector<std::byte>> journal_of_life(bool ends) {
  test::FakeEffects effects;
  Fixture fixture(effects);
  const core::JobId array = make_array(fixture, array_spec("1-6%3"));
  finish(fixture.service, members(fixture.table, array)[1]);
  turn(fixture);
  if (ends) REQUIRE(fixture.service.end(Fixture::caller(), array, {}));
  live_on(fixture, array);
  REQUIRE(fixture.table.find(array)->job.state == JobState::kEnded);
  return entries_of(fixture.journal);
}

/// A successor that knows the first entries of that journal brings the array to
/// its end, with each index once.
void check_successor(const std::vector<std::vector<std::byte>>& life,
                     std::size_t known, bool ends) {
  CAPTURE(known);
  test::FakeEffects effects;
  Fixture fixture(effects);
  for (std::size_t i = 1; i < known; ++i)  // its own has the counters
    REQUIRE(fixture.service.remember(life[i]));
  auto restored = supervisor::replay(fixture.journal);
  REQUIRE(restored);
  fixture.table = std::move(restored->table);
  fixture.jids.note(restored->history.counters.last_sequence);
  if (fixture.table.jobs().empty()) return;
  const core::JobId array = fixture.table.jobs().begin()->first;
  fixture.service.resume();
  live_on(fixture, array);
  const core::Job& job = fixture.table.find(array)->job;
  REQUIRE(job.state == JobState::kEnded);
  std::map<std::uint32_t, int> count;
  for (const core::JobId jid : members(fixture.table, array, false))
    ++count[fixture.table.find(jid)->job.spec.member.index];
  for (const auto& [index, times] : count)
    REQUIRE(times == 1);
  REQUIRE(job.progress.made == count.size());
  REQUIRE(job.progress.ended == count.size());
  if (!ends) REQUIRE(count.size() == 6);
}

TEST_CASE("an array goes on behind every entry of the journal") {
  for (const bool ends : {false, true}) {
    const auto life = journal_of_life(ends);
    for (std::size_t known = 1; known <= life.size(); ++known)
      check_successor(life, known, ends);
  }
}

}  // namespace
