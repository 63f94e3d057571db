// SPDX-License-Identifier: Apache-2.0
// Job arrays: indices to values and back, and the machine of an array: every
// member is made once, no more at a time than asked for, and the array ends
// with its last member, over crashes too.
#include "core/array_machine.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "core/event_codec.h"
#include "core/job_sentence.h"
#include "job_samples.h"

namespace {

namespace event = core::event;
namespace effect = core::effect;
using core::JobState;

core::ArrayRange range_of(const char* text) {
  const auto range = core::parse_array_range(text);
  REQUIRE(range);
  return *range;
}

core::JobSpec array_spec(const char* range, const char* name = "parts") {
  core::JobSpec spec = samples::spec();
  spec.kind = core::JobKind::kArray;
  spec.name = name;
  spec.array = range_of(range);
  spec.token = "once";
  return spec;
}

bool is_asked(const core::Step& step, auto wanted) {
  return std::ranges::any_of(step.effects, [&](const core::Effect& effect) {
    return std::holds_alternative<decltype(wanted)>(effect);
  });
}

core::Step run_array(const char* range) {
  return samples::fold(
      {samples::created(array_spec(range)), event::ContainerMade{}});
}

core::Step next(core::Step step, core::EventBody body) {
  return core::step(std::move(step.job), samples::event_at(9, std::move(body)));
}

TEST_CASE("indices are read as they are written") {
  for (const char* text : {"7", "1-100", "0-15:4", "1,3,7-9", "1-100%8",
                           "0,2-6:2%1", "999999999"}) {
    CAPTURE(text);
    CHECK(core::text_of(range_of(text)) == text);
  }
  CHECK(core::text_of(range_of("5-5")) == "5");
  CHECK(core::count_of(range_of("0-15:4")) == 4);
  CHECK(core::count_of(range_of("1-100000")) == 100000);
  CHECK(core::bounds_of(range_of("9,0-7:3")).lowest == 0);
  CHECK(core::bounds_of(range_of("5,0-7:3")).highest == 6);
}

TEST_CASE("what are no indices is refused") {
  for (const char* text :
       {"",           "-",          "1-",   "-3",       "3-1",
        "1-9:0",      "1-9:",       "3:2",  "1,",       ",1",
        "1,,2",       "1-3,2",      "1,1",  "1-9%0",    "1-9%",
        "%3",         "1-9%3%4",    "a",    "1-100001", "0-99999,100000",
        "1000000000", "1-5%100001", "1 -2", "0x1"}) {
    CAPTURE(text);
    CHECK_FALSE(core::parse_array_range(text).has_value());
  }
}

TEST_CASE("each place has its index, and each index its place") {
  const core::ArrayRange range = range_of("9,0-7:3,20-21");
  std::vector<std::uint32_t> indices;
  for (std::uint64_t place = 0; place < core::count_of(range); ++place) {
    const auto index = core::index_at(range, place);
    REQUIRE(index);
    CHECK(core::place_of(range, *index) == place);
    indices.push_back(*index);
  }
  CHECK(indices == std::vector<std::uint32_t>{9, 0, 3, 6, 20, 21});
  CHECK_FALSE(core::index_at(range, 6).has_value());
  for (const std::uint32_t index : {1U, 7U, 8U, 10U, 22U})
    CHECK_FALSE(core::place_of(range, index).has_value());
}

TEST_CASE("what no parser makes holds nothing") {
  core::ArrayRange range;
  range.parts = {{.first = 5, .last = 1, .step = 1},
                 {.first = 0, .last = 9, .step = 0}};
  CHECK(core::count_of(range) == 0);
  CHECK_FALSE(core::index_at(range, 0).has_value());
  CHECK_FALSE(core::place_of(range, 3).has_value());
}

TEST_CASE("members are spoken of by the array and an index") {
  const auto word = core::parse_member_word("web[7]");
  REQUIRE(word);
  CHECK(word->array == "web");
  CHECK(word->index == 7);
  CHECK(core::member_word("0x12", 7) == "0x12[7]");
  for (const char* text : {"web", "web[]", "[7]", "web[7", "web[7]x", "web[a]",
                           "web[-1]", "web[1000000000]", "web[1][2]"})
    CHECK_FALSE(core::parse_member_word(text).has_value());
}

TEST_CASE("a member is a detached job of the array's command") {
  core::JobSpec spec = array_spec("3-9:3%2");
  spec.env.emplace_back("CORRAL_ARRAY_INDEX=77");  // of an array around it
  spec.limits.wall_time = core::seconds(5);
  const core::Job array =
      samples::fold({samples::created(spec), event::ContainerMade{}}).job;
  const core::JobSpec member = core::member_spec(array, 6);
  CHECK(member.kind == core::JobKind::kDetached);
  CHECK(member.name == "parts[6]");
  CHECK(member.argv == spec.argv);
  CHECK(member.limits.wall_time == core::seconds(5));
  CHECK(member.token.empty());
  CHECK(member.array.is_empty());
  CHECK(member.member.array == array.jid);
  CHECK(member.member.index == 6);
  CHECK(member.env == std::vector<std::string>{
                          "PATH=/bin", "CORRAL_ARRAY_JID=0x17",
                          "CORRAL_ARRAY_INDEX=6", "CORRAL_ARRAY_COUNT=3",
                          "CORRAL_ARRAY_FIRST=3", "CORRAL_ARRAY_LAST=9"});
  spec.name.clear();
  CHECK(
      core::member_spec(samples::fold({samples::created(spec)}).job, 6).name ==
      "0x17[6]");
}

TEST_CASE("members are made until there are enough, or as many as allowed") {
  core::Step step = run_array("1-3%2");
  CHECK(step.job.state == JobState::kRunning);
  CHECK(is_asked(step, effect::MakeMember{}));
  step = next(std::move(step), event::MemberMade{core::JobId(1)});
  CHECK(is_asked(step, effect::MakeMember{}));
  step = next(std::move(step), event::MemberMade{core::JobId(2)});
  CHECK_FALSE(is_asked(step, effect::MakeMember{}));
  CHECK_FALSE(core::wants_member(step.job));
  CHECK_FALSE(step.job.spec.env.empty());
  step = next(std::move(step), event::MemberMade{core::JobId(2)});
  CHECK(step.job.progress.made == 2);  // told twice
  step = next(std::move(step), event::MemberEnded{core::JobId(1), 0});
  CHECK(is_asked(step, effect::MakeMember{}));
  step = next(std::move(step), event::MemberEnded{core::JobId(1), 0});
  CHECK(step.job.progress.ended == 1);
  step = next(std::move(step), event::MemberMade{core::JobId(3)});
  CHECK(step.job.spec.env.empty());  // nobody needs it any more
  step = next(std::move(step), event::MemberEnded{core::JobId(3), 143});
  CHECK(step.job.state == JobState::kRunning);
  step = next(std::move(step), event::MemberEnded{core::JobId(2), 3});
  CHECK(step.job.state == JobState::kEnded);
  CHECK(is_asked(step, effect::Announce{}));
  CHECK(step.job.progress.failed == 2);
  CHECK(core::shell_code(step.job.result) == 143);
  CHECK(step.job.ended.boot == samples::at(9).boot);
}

TEST_CASE("an array that is to end makes no more and ends its members") {
  core::Step step = run_array("1-9%2");
  step = next(std::move(step), event::MemberMade{core::JobId(1)});
  step = next(std::move(step),
              samples::end_requested({.first_signal = core::SignalNumber(2),
                                      .grace = core::seconds(1)}));
  CHECK(step.job.state == JobState::kEnding);
  CHECK(is_asked(step, effect::EndMembers{}));
  CHECK_FALSE(is_asked(step, effect::MakeMember{}));
  CHECK(step.job.spec.kill_plan.first_signal == core::SignalNumber(2));
  CHECK(
      std::holds_alternative<effect::EndMembers>(core::resume(step.job).at(0)));
  // One that was on its way is ended too.
  step = next(std::move(step), event::MemberMade{core::JobId(2)});
  CHECK(is_asked(step, effect::EndMembers{}));
  step = next(std::move(step), event::MemberEnded{core::JobId(1), 130});
  step = next(std::move(step), event::MemberEnded{core::JobId(2), 0});
  CHECK(step.job.state == JobState::kEnded);
  CHECK(step.job.result.reason == core::Reason::kCancelled);
  CHECK(step.job.result.by == core::Uid(7));
}

TEST_CASE("a member that is dropped before it was made never is") {
  core::Step step = run_array("1-5%1");
  step = next(std::move(step), event::MemberMade{core::JobId(1)});
  for (const std::uint32_t index : {1U, 7U, 2U, 2U, 3U, 5U})
    step = next(std::move(step), event::MemberDropped{core::Uid(0), index});
  CHECK(step.job.progress.dropped == std::vector<std::uint32_t>{2, 3, 5});
  CHECK(core::index_at(step.job.spec.array, step.job.progress.made) == 4U);
  CHECK(core::members_made(step.job) == 1);
  step = next(std::move(step), event::MemberEnded{core::JobId(1), 0});
  CHECK(is_asked(step, effect::MakeMember{}));
  step = next(std::move(step), event::MemberMade{core::JobId(2)});
  CHECK(core::members_made(step.job) == 2);
  step = next(std::move(step), event::MemberEnded{core::JobId(2), 0});
  CHECK(step.job.state == JobState::kEnded);
  CHECK(step.job.progress.ended == 2);
  CHECK(core::shell_code(step.job.result) == 0);
  // All of it, and before it began to be made.
  step = samples::fold({samples::created(array_spec("1-2")),
                        event::MemberDropped{core::Uid(0), 1},
                        event::MemberDropped{core::Uid(0), 2},
                        event::ContainerMade{}});
  CHECK(step.job.state == JobState::kEnded);
  CHECK(core::shell_code(step.job.result) == 0);
}

TEST_CASE("an array without a member that is to end ends at once") {
  core::Step step = next(run_array("1-9"), samples::end_requested());
  CHECK(step.job.state == JobState::kEnded);
  CHECK_FALSE(step.job.result.has_status);
  step = samples::fold({samples::created(array_spec("1-9")),
                        samples::end_requested(), event::ContainerMade{}});
  CHECK(step.job.state == JobState::kEnded);
}

TEST_CASE("what happens to processes changes no array") {
  const core::Step before = run_array("1-9");
  for (const core::EventBody& body :
       {core::EventBody(event::Emptied{}), core::EventBody(event::ReaperLost{}),
        core::EventBody(event::StartRecorded{}),
        core::EventBody(event::TimerFired{}),
        core::EventBody(samples::exited(core::Pid(5))),
        core::EventBody(event::ContainerMade{}),
        core::EventBody(event::SessionClosed{})}) {
    const core::Step after = next(before, body);
    CHECK(after.effects.empty());
    CHECK(after.job.state == JobState::kRunning);
  }
}

TEST_CASE("its end is told by what became of its members") {
  core::JobView view;
  view.kind = core::JobKind::kArray;
  view.array = {.range = "1-5",
                .size = 5,
                .made = 5,
                .living = 0,
                .ended = 5,
                .failed = 0};
  view.result = core::plain_result(0);
  CHECK(core::sentence_of(view) == "5 of its 5 members ended, all with code 0");
  view.array.failed = 2;
  view.result = core::plain_result(3 << 8);
  CHECK(core::sentence_of(view) ==
        "5 of its 5 members ended, 2 of them not with code 0; the highest is "
        "3");
  view.result.reason = core::Reason::kCancelled;
  view.result.detail = "uid 7";
  view.array.ended = 2;
  CHECK(core::sentence_of(view).view().starts_with(
      "was cancelled by uid 7; 2 of its 5 members ended"));
}

/// An array whose effects happen late, twice, or only after a crash, in which
/// all is lost that is not in the array.
class World {
 public:
  World(unsigned seed, const char* range)
      : random_(seed), step_(run_array(range)), range_(range_of(range)) {
    take_effects();
  }

  void live() {
    for (int i = 0; i < 4000 && step_.job.state != JobState::kEnded; ++i) {
      switch (random_() % 8) {
        case 0:
          crash();
          break;
        case 1:
        case 2:
          end_one();
          break;
        default:
          make_one();
      }
      REQUIRE(step_.job.progress.open.size() <= range_.at_most);
    }
    REQUIRE(step_.job.state == JobState::kEnded);
    REQUIRE(made_.size() == core::count_of(range_));
  }

 private:
  void happen(core::EventBody body) {
    step_ = next(std::move(step_), std::move(body));
    take_effects();
  }
  void take_effects() {
    if (is_asked(step_, effect::MakeMember{})) is_wanted_ = true;
  }
  void make_one() {
    if (!is_wanted_) return;
    is_wanted_ = false;
    if (!core::wants_member(step_.job)) return;
    const auto index = core::index_at(range_, step_.job.progress.made);
    REQUIRE(index);
    REQUIRE(made_.insert(*index).second);  // never a second time
    living_.push_back(core::JobId(*index + 100));
    happen(event::MemberMade{living_.back()});
  }
  void end_one() {
    if (living_.empty()) return;
    const std::size_t at = random_() % living_.size();
    const core::JobId jid = living_[at];
    living_.erase(living_.begin() + static_cast<std::ptrdiff_t>(at));
    happen(event::MemberEnded{jid, 0});
    if (random_() % 2 == 0) happen(event::MemberEnded{jid, 0});
  }
  void crash() {
    std::vector<std::byte> bytes;
    core::encode(core::JobSnapshot{step_.job, 1}, bytes);
    const auto item = core::decode(bytes);
    REQUIRE(item);
    step_ = {.job = std::get<core::JobSnapshot>(*item).job, .effects = {}};
    step_.effects = core::resume(step_.job);
    is_wanted_ = false;
    take_effects();
  }

  std::mt19937 random_;
  core::Step step_;
  core::ArrayRange range_;
  bool is_wanted_ = false;
  std::set<std::uint32_t> made_;
  std::vector<core::JobId> living_;
};

TEST_CASE("every member is made once, over crashes") {
  for (unsigned seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    World(seed, "1-40:3,100-120%5").live();
    World(seed, "0-9%1").live();
  }
}

}  // namespace
