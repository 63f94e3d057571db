// SPDX-License-Identifier: Apache-2.0
// Jids of the caller's choice: above all that were given, reserved on the disk
// first, or passed over before, and never again; and jobs found by their tags.
#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "fake_world.h"

namespace {

using supervisor::FreeJids;
using supervisor::JidBlock;
using supervisor::JidSource;
using test::Fixture;

/// A source whose disk is the test.
struct Source {
  supervisor::EventLoop loop = *supervisor::EventLoop::make();
  std::vector<std::uint32_t> asked;
  std::vector<JidSource::Answer> answers;
  std::vector<JidBlock> remembered;
  JidSource jids{
      loop,
      {.reserve =
           [this](std::uint32_t above, JidSource::Answer answer) {
             asked.push_back(above);
             answers.push_back(std::move(answer));
           },
       .remember =
           [this](const JidBlock& block) { remembered.push_back(block); },
       .remember_free = [this](const FreeJids& free) -> core::Result<void> {
         if (is_full) return core::fail(ENOSPC, "memfd");
         free_of_journal = free;
         return {};
       }}};
  bool is_full = false;
  FreeJids free_of_journal;
  std::optional<JidSource::Request> got;
  int why = 0;  ///< it cannot be given

  std::optional<JidSource::Request> request(std::uint32_t sequence) {
    got.reset();
    jids.request(sequence, [this](core::Result<JidSource::Request> what) {
      if (what)
        got = *what;
      else
        why = what.error().code;
    });
    return got;
  }
};

using Request = JidSource::Request;

TEST_CASE("within the reserved block a jid is given at once, and once") {
  Source source;
  source.jids.take_up(5, JidBlock{.after = 0, .end = 1024});
  CHECK(source.request(5) == Request::kUsed);
  CHECK(source.request(1) == Request::kUsed);
  CHECK(source.request(100) == Request::kGiven);
  CHECK(source.request(100) == Request::kUsed);
  CHECK(source.request(50) == Request::kGiven);  // it was passed over
  CHECK(source.request(50) == Request::kUsed);
  CHECK(source.jids.next() == 101U);
  CHECK(source.asked.empty());
}

TEST_CASE("beyond it a block is reserved that begins with it") {
  Source source;
  source.jids.take_up(5, JidBlock{.after = 0, .end = 1024});
  CHECK_FALSE(source.request(9000).has_value());
  CHECK(source.asked == std::vector<std::uint32_t>{8999});
  source.answers[0](JidBlock{.after = 8999, .end = 10023});
  CHECK(source.got == Request::kGiven);
  CHECK(source.remembered == std::vector<JidBlock>{{8999, 10023}});
  CHECK(source.jids.next() == 9001U);
}

TEST_CASE("what the disk knows to be reserved is not given") {
  Source source;
  source.jids.take_up(5, JidBlock{.after = 0, .end = 1024});
  CHECK_FALSE(source.request(9000).has_value());
  source.answers[0](JidBlock{.after = 20480, .end = 21504});
  CHECK(source.got == Request::kUsed);
  CHECK(source.jids.free().ranges().empty());  // they are another's
  CHECK(source.jids.next() == 20481U);
  CHECK_FALSE(source.request(30000).has_value());
  source.answers[1](core::fail(EROFS, "open", "jids"));
  CHECK(source.why == EROFS);
  CHECK(source.jids.next() == 20482U);
}

TEST_CASE("what was passed over is given once, also by the next supervisor") {
  Source source;
  source.jids.take_up(5, JidBlock{.after = 0, .end = 1024});
  CHECK_FALSE(source.request(9000).has_value());
  source.answers[0](JidBlock{.after = 8999, .end = 10023});
  using Ranges = std::vector<FreeJids::Range>;
  // Beyond our block another instance may have given some.
  CHECK(source.free_of_journal.ranges() == Ranges{{6, 1024}});
  CHECK(source.request(700) == Request::kGiven);
  CHECK(source.request(6) == Request::kGiven);
  CHECK(source.request(1024) == Request::kGiven);
  CHECK(source.request(700) == Request::kUsed);
  CHECK(source.request(1025) == Request::kUsed);
  CHECK(source.jids.next() == 9001U);
  const Ranges left = {{7, 699}, {701, 1023}};
  CHECK(source.free_of_journal.ranges() == left);

  Source next;
  next.jids.take_up(9001, JidBlock{.after = 8999, .end = 10023},
                    source.free_of_journal);
  CHECK(next.request(700) == Request::kUsed);
  CHECK(next.request(5) == Request::kUsed);
  CHECK(next.request(701) == Request::kGiven);
}

TEST_CASE("what an earlier instance may have given is not free") {
  Source source;  // it has no block yet, and the disk is at 5000
  CHECK_FALSE(source.request(9000).has_value());
  source.answers[0](JidBlock{.after = 8999, .end = 10023});
  CHECK(source.got == Request::kGiven);
  CHECK(source.request(4000) == Request::kUsed);
  CHECK(source.jids.free().ranges().empty());
}

TEST_CASE("what the journal does not take is not given") {
  Source source;
  source.jids.take_up(5, JidBlock{.after = 0, .end = 1024});
  CHECK(source.request(100) == Request::kGiven);
  source.is_full = true;
  CHECK_FALSE(source.request(50).has_value());
  CHECK(source.why == ENOSPC);
  CHECK_FALSE(source.request(200).has_value());
  source.is_full = false;
  CHECK(source.jids.next() == 101U);
  CHECK(source.request(50) == Request::kGiven);
}

TEST_CASE("a supervisor that died before the job was made gives it in order") {
  Source source;  // those up to 99 were to be passed over for 100
  FreeJids free;
  free.add(6, 99);
  source.jids.take_up(5, JidBlock{.after = 0, .end = 1024}, free);
  CHECK(source.jids.free().ranges().empty());
  CHECK(source.jids.next() == 6U);
  CHECK(source.request(6) == Request::kUsed);
}

TEST_CASE("who is overtaken while the disk is asked has what is left") {
  Source source;
  source.jids.take_up(5, JidBlock{.after = 0, .end = 1024});
  CHECK_FALSE(source.request(3000).has_value());
  CHECK_FALSE(source.request(2000).has_value());
  source.answers[0](JidBlock{.after = 2999, .end = 4023});
  CHECK(source.got == Request::kGiven);
  source.answers[1](JidBlock{.after = 4023, .end = 5047});
  CHECK(source.jids.next() == 3001U);
}

TEST_CASE("of many ranges the smallest are forgotten, and given no more") {
  FreeJids free;
  for (std::uint32_t i = 0; i < 2 * FreeJids::kMost; ++i)
    free.add(i * 10 + 1, i * 10 + 1 + i % 3);
  CHECK(free.ranges().size() == FreeJids::kMost);
  FreeJids one;
  one.add(1, 1000000);
  for (std::uint32_t i = 2; i < 10 * FreeJids::kMost; i += 2)
    CHECK(one.take(i));
  CHECK(one.ranges().size() <= FreeJids::kMost);
  CHECK_FALSE(one.take(4));
  CHECK(one.take(999999));
}

TEST_CASE("free jids are written into the journal and read back") {
  FreeJids free;
  free.add(6, 99);
  free.add(200, 200);
  auto bytes = supervisor::encode_item(free);
  const auto item = supervisor::decode_item(bytes);
  REQUIRE(item);
  REQUIRE(std::holds_alternative<FreeJids>(*item));
  CHECK(std::get<FreeJids>(*item) == free);
  bytes.pop_back();
  CHECK_FALSE(supervisor::decode_item(bytes));
  free = {};
  CHECK(supervisor::decode_item(supervisor::encode_item(free)));
}

TEST_CASE("nobody asks for the last ones") {
  Source source;
  CHECK(source.request(JidSource::kHighest + 1) == Request::kTooHigh);
  CHECK(source.request(UINT32_MAX) == Request::kTooHigh);
}

struct Asked {
  std::optional<core::JobId> jid;
  core::Refusal why = core::Refusal::kEnded;
  std::string text;
};

Asked ask(Fixture& fixture, const core::Caller& caller, core::JobId jid,
          std::vector<std::string> tags = {}) {
  Asked asked;
  core::JobSpec spec = Fixture::detached();
  spec.requested = jid;
  spec.tags = std::move(tags);
  fixture.service.create(caller, std::move(spec), {}, [&](const auto& job) {
    if (job) return;
    asked.why = job.error().why;
    asked.text = job.error().text;
  });
  fixture.service.settle();
  if (fixture.table.find(jid) != nullptr && asked.text.empty()) asked.jid = jid;
  return asked;
}

core::JobId ours(std::uint32_t sequence) {
  return core::make_job_id(Fixture::kHid, sequence);
}

TEST_CASE("who may choose a jid has it, and the next is above it") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  const core::Caller caller = Fixture::caller();
  CHECK(ask(fixture, caller, ours(40)).jid == ours(40));
  CHECK(ask(fixture, caller, core::kNoJob).why == core::Refusal::kEnded);
  CHECK(fixture.table.find(ours(41)) != nullptr);
  const Asked again = ask(fixture, caller, ours(40));
  CHECK(again.why == core::Refusal::kNameTaken);
  CHECK(again.text.find("jids above 0x700000029 can be had") !=
        std::string::npos);
  CHECK(ask(fixture, caller, core::make_job_id(Fixture::kHid + 1, 90)).why ==
        core::Refusal::kInvalid);
  const core::Caller other{core::Uid(4711), core::Pid(1)};
  CHECK(ask(fixture, other, ours(90)).why == core::Refusal::kAccessDenied);
  CHECK(ask(fixture, caller, ours(20)).jid == ours(20));
  CHECK(ask(fixture, caller, ours(20)).why == core::Refusal::kNameTaken);
  const auto restored = supervisor::replay(fixture.journal);
  REQUIRE(restored);
  CHECK(restored->history.counters.last_sequence == 41);
  CHECK(restored->history.free_jids == fixture.jids.free());
  CHECK(fixture.jids.free().ranges().size() == 2);
}

TEST_CASE("jobs are listed by their tags") {
  test::FakeEffects effects;
  Fixture fixture(effects);
  const core::Caller caller = Fixture::caller();
  CHECK(ask(fixture, caller, ours(1), {"night", "phase=1"}).jid == ours(1));
  CHECK(ask(fixture, caller, ours(2), {"phase=2"}).jid == ours(2));
  CHECK(ask(fixture, caller, ours(3), {"bad tag"}).why ==
        core::Refusal::kInvalid);
  const auto found = [&](std::vector<std::string> tags) {
    core::JobFilter filter;
    filter.tags = std::move(tags);
    std::vector<std::uint32_t> jids;
    for (const auto& job : fixture.service.list(caller, filter, {}, 10).jobs)
      jids.push_back(core::sequence_of(job.jid));
    return jids;
  };
  CHECK(found({}) == std::vector<std::uint32_t>{1, 2});
  CHECK(found({"phase"}) == std::vector<std::uint32_t>{1, 2});
  CHECK(found({"phase=2"}) == std::vector<std::uint32_t>{2});
  CHECK(found({"night", "phase=1"}) == std::vector<std::uint32_t>{1});
  CHECK(found({"night", "phase=2"}).empty());
}

}  // namespace
