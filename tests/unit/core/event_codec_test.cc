// SPDX-License-Identifier: Apache-2.0
// Events, jobs and counters survive the way to bytes and back; bytes that are
// none of these are refused, whatever they are.
#include "core/event_codec.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <tuple>

#include <doctest/doctest.h>

#include "tests/unit/core/event_maker.h"

namespace {

using core::JobEvent;
using core::JournalItem;
using Bytes = std::vector<std::byte>;

template <class Item>
Bytes bytes_of(const Item& item) {
  Bytes bytes;
  core::encode(item, bytes);
  return bytes;
}

// Field by field, so that a field that encode() and decode() both forgot is
// found. Nested structures are compared by their own encoding.

auto tie(const core::Moment& m) {
  return std::tie(m.boot, m.real);
}
auto tie(const core::KillPlan& p) {
  return std::tie(p.first_signal, p.grace);
}

void check_same(const core::JobSpec& a, const core::JobSpec& b) {
  CHECK(std::tie(a.name, a.argv, a.env, a.cwd, a.user, a.uid, a.gid, a.groups,
                 a.umask, a.kind, a.engine, a.stragglers, a.token, a.parent,
                 a.domain, a.service, a.array, a.member.array, a.member.index,
                 a.tags, a.requested, a.project, a.account, a.project_id,
                 a.delegates, a.began) ==
        std::tie(b.name, b.argv, b.env, b.cwd, b.user, b.uid, b.gid, b.groups,
                 b.umask, b.kind, b.engine, b.stragglers, b.token, b.parent,
                 b.domain, b.service, b.array, b.member.array, b.member.index,
                 b.tags, b.requested, b.project, b.account, b.project_id,
                 b.delegates, b.began));
  CHECK(tie(a.kill_plan) == tie(b.kill_plan));
  CHECK(a.limits.wall_time == b.limits.wall_time);
  CHECK(a.terms == b.terms);
  REQUIRE(a.rlimits.size() == b.rlimits.size());
  for (std::size_t i = 0; i < a.rlimits.size(); ++i)
    CHECK(
        std::tie(a.rlimits[i].resource, a.rlimits[i].soft, a.rlimits[i].hard) ==
        std::tie(b.rlimits[i].resource, b.rlimits[i].soft, b.rlimits[i].hard));
}

void check_same(const core::LaunchFailure& a, const core::LaunchFailure& b) {
  CHECK(std::tie(a.stage, a.code) == std::tie(b.stage, b.code));
}

void check_same(const core::LimitHit& a, const core::LimitHit& b) {
  CHECK(std::tie(a.kind, a.value, a.bound) ==
        std::tie(b.kind, b.value, b.bound));
}

void check_same(const core::ExitRecord& a, const core::ExitRecord& b) {
  CHECK(std::memcmp(&a, &b, sizeof a) == 0);
}

void check_same(const core::Job::Cancelled& a, const core::Job::Cancelled& b) {
  CHECK(std::tie(a.by, a.is_gave_up) == std::tie(b.by, b.is_gave_up));
  CHECK(a.who.view() == b.who.view());
}

template <class Optional>
  requires requires(const Optional& o) { o.has_value(); }
void check_same(const Optional& a, const Optional& b) {
  REQUIRE(a.has_value() == b.has_value());
  if (a) check_same(*a, *b);
}

void check_same(const core::JobResult& a, const core::JobResult& b) {
  CHECK(std::tie(a.reason, a.has_status, a.wait_status, a.by) ==
        std::tie(b.reason, b.has_status, b.wait_status, b.by));
  check_same(a.limit, b.limit);
  check_same(a.launch, b.launch);
  CHECK(a.detail.view() == b.detail.view());
}

auto tie(const core::JobTotals& t) {
  return std::tie(t.user_time, t.system_time, t.memory_peak, t.read_bytes,
                  t.write_bytes, t.oom_kills, t.processes_not_seen,
                  t.processes);
}

void check_same(const core::Job& a, const core::Job& b) {
  CHECK(
      std::tie(a.jid, a.owner, a.engine, a.state, a.main, a.status,
               a.main_has_ended, a.main_is_stopped, a.reaper_was_lost,
               a.freezing, a.stragglers, a.processes_seen, a.ran_out_of_memory,
               a.is_held, a.departure, a.origin, a.collector) ==
      std::tie(b.jid, b.owner, b.engine, b.state, b.main, b.status,
               b.main_has_ended, b.main_is_stopped, b.reaper_was_lost,
               b.freezing, b.stragglers, b.processes_seen, b.ran_out_of_memory,
               b.is_held, b.departure, b.origin, b.collector));
  CHECK(tie(a.created) == tie(b.created));
  CHECK(tie(a.started) == tie(b.started));
  CHECK(tie(a.ended) == tie(b.ended));
  CHECK(std::tie(a.kill.step, a.kill.deadline, a.kill.repeats) ==
        std::tie(b.kill.step, b.kill.deadline, b.kill.repeats));
  CHECK(a.straggler_names.view() == b.straggler_names.view());
  CHECK(a.detail.view() == b.detail.view());
  check_same(a.spec, b.spec);
  check_same(a.main_exit, b.main_exit);
  check_same(a.launch_failure, b.launch_failure);
  check_same(a.limit_hit, b.limit_hit);
  check_same(a.cancelled, b.cancelled);
  REQUIRE(a.peaks.has_value() == b.peaks.has_value());
  if (a.peaks) CHECK(*a.peaks == *b.peaks);
  CHECK(tie(a.totals) == tie(b.totals));
  check_same(a.result, b.result);
  CHECK(a.progress == b.progress);
}

constexpr std::size_t kEvents = std::variant_size_v<core::EventBody>;

}  // namespace

TEST_CASE("every event comes back as it went") {
  Maker maker(1);
  for (int round = 0; round < 200; ++round)
    for (std::size_t i = 0; i < kEvents; ++i) {
      const JobEvent event{core::JobId(maker.number()), maker.moment(),
                           maker.body(i)};
      REQUIRE(event.body.index() == i);
      const Bytes bytes = bytes_of(event);
      const auto item = core::decode(bytes);
      REQUIRE(item);
      const auto* const back = std::get_if<JobEvent>(&*item);
      REQUIRE(back != nullptr);
      CHECK(back->job == event.job);
      CHECK(tie(back->when) == tie(event.when));
      CHECK(back->body.index() == i);
      CHECK(bytes_of(*back) == bytes);
    }
}

TEST_CASE("an event's fields are all there") {
  Maker maker(2);
  const auto round_trip = [&](const core::EventBody& body) {
    const auto item =
        core::decode(bytes_of(JobEvent{core::JobId(1), maker.moment(), body}));
    REQUIRE(item);
    return std::get<JobEvent>(*item).body;
  };
  namespace event = core::event;
  for (int round = 0; round < 50; ++round) {
    const auto created = std::get<event::Created>(maker.body(0));
    const auto created_back = std::get<event::Created>(round_trip(created));
    check_same(created.spec, created_back.spec);
    CHECK(created.owner == created_back.owner);
    CHECK(created.engine == created_back.engine);
    const auto failed = std::get<event::LaunchFailed>(maker.body(5));
    const auto failed_back = std::get<event::LaunchFailed>(round_trip(failed));
    check_same(failed.failure, failed_back.failure);
    CHECK(failed.detail.view() == failed_back.detail.view());
    const auto exited = std::get<event::ProcessExited>(maker.body(6));
    check_same(exited.record,
               std::get<event::ProcessExited>(round_trip(exited)).record);
    const auto learned = std::get<event::MainStatusLearned>(maker.body(9));
    const auto known = std::get<event::MainStatusLearned>(round_trip(learned));
    CHECK(std::tie(learned.is_known, learned.wait_status) ==
          std::tie(known.is_known, known.wait_status));
    const auto gone = std::get<event::Emptied>(maker.body(10));
    CHECK(tie(gone.totals) ==
          tie(std::get<event::Emptied>(round_trip(gone)).totals));
    CHECK(gone.peaks == std::get<event::Emptied>(round_trip(gone)).peaks);
    const auto populated = std::get<event::Populated>(maker.body(11));
    const auto told = std::get<event::Populated>(round_trip(populated));
    CHECK((populated.count == told.count &&
           populated.names.view() == told.names.view()));
    const auto asked = std::get<event::EndRequested>(maker.body(12));
    const auto again = std::get<event::EndRequested>(round_trip(asked));
    CHECK((asked.by == again.by && asked.who.view() == again.who.view()));
    CHECK(tie(asked.plan) == tie(again.plan));
  }
}

TEST_CASE("a whole job comes back as it went") {
  Maker maker(3);
  for (int round = 0; round < 500; ++round) {
    const core::JobSnapshot snapshot{maker.job(), maker.number()};
    const Bytes bytes = bytes_of(snapshot);
    const auto item = core::decode(bytes);
    REQUIRE(item);
    const auto* const back = std::get_if<core::JobSnapshot>(&*item);
    REQUIRE(back != nullptr);
    CHECK(back->state_entry == snapshot.state_entry);
    check_same(back->job, snapshot.job);
    CHECK(bytes_of(*back) == bytes);
  }
}

TEST_CASE("the numbers of the events never change") {
  // A journal written by the last version is read by this one.
  Maker maker(4);
  for (std::size_t i = 0; i < kEvents; ++i) {
    const Bytes bytes = bytes_of(JobEvent{core::JobId(5), {}, maker.body(i)});
    CHECK(bytes[0] == std::byte{core::kEventCodecVersion});
    CHECK(bytes[1] == std::byte{1});  // an event
    CHECK(bytes[2] == std::byte{5});  // the jid, then two clocks
    CHECK(bytes[26] == std::byte(i + 1));
  }
}

// No prefix of an item is an item, nor is one with a tail.
TEST_CASE("an item ends where it ends") {
  Maker maker(5);
  for (std::size_t i = 0; i < kEvents; ++i) {
    Bytes bytes = bytes_of(JobEvent{core::JobId(1), {}, maker.body(i)});
    for (std::size_t size = 0; size < bytes.size(); ++size)
      CHECK(!core::decode(std::span(bytes).first(size)));
    bytes.push_back(std::byte{0});
    CHECK(!core::decode(bytes));
  }
}

TEST_CASE("changed bytes give an item that encodes to them, or an error") {
  Maker maker(6);
  std::size_t refused = 0;
  for (int round = 0; round < 20000; ++round) {
    const std::size_t at = maker.number() % kEvents;
    Bytes bytes = round % 10 == 0
                      ? bytes_of(core::JobSnapshot{maker.job(), 1})
                      : bytes_of(JobEvent{core::JobId(1), {}, maker.body(at)});
    for (std::uint64_t i = maker.number() % 3; i < 3; ++i)
      bytes[maker.number() % bytes.size()] = std::byte(maker.small() & 0xFFU);
    const auto item = core::decode(bytes);
    if (item && bytes[0] == std::byte{core::kEventCodecVersion})
      CHECK(std::visit([](const auto& each) { return bytes_of(each); },
                       *item) == bytes);
    else
      ++refused;
  }
  CHECK(refused > 1000);
}
