// SPDX-License-Identifier: Apache-2.0
// Jids of the caller's choice: only above all that were given, reserved on the
// disk first, and never again; and jobs found by their tags.
#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "fake_world.h"

namespace {

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
           [this](const JidBlock& block) { remembered.push_back(block); }}};
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
  CHECK(source.request(50) == Request::kUsed);  // passed over: given no more
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
  CHECK(source.jids.next() == 20481U);
  CHECK_FALSE(source.request(30000).has_value());
  source.answers[1](core::fail(EROFS, "open", "jids"));
  CHECK(source.why == EROFS);
  CHECK(source.jids.next() == 20482U);
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
  const auto restored = supervisor::replay(fixture.journal);
  REQUIRE(restored);
  CHECK(restored->history.counters.last_sequence == 41);
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
