// SPDX-License-Identifier: Apache-2.0
#include "core/array_machine.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/job_verdict.h"

namespace core {

namespace {

/// One array, one event.
class ArrayStepper {
 public:
  ArrayStepper(Job array, const Moment& when)
      : array_(std::move(array)), when_(when) {}

  Step finish() && {
    return {.job = std::move(array_), .effects = std::move(effects_)};
  }

  void operator()(const event::ContainerMade&) {
    if (array_.state != JobState::kPreparing) return;
    array_.started = when_;
    enter(array_.cancelled ? JobState::kEnding : JobState::kRunning);
    go_on();
  }

  void operator()(const event::MemberMade& made) {
    ArrayProgress& progress = array_.progress;
    if (!is_live() || is_open(made.member)) return;
    ++progress.made;
    progress.open.push_back(made.member);
    // One that was on its way when the end was asked for.
    if (array_.state == JobState::kEnding) return ask(effect::EndMembers{});
    go_on();
  }

  void operator()(const event::MemberEnded& ended) {
    ArrayProgress& progress = array_.progress;
    if (!is_live() || !is_open(ended.member)) return;
    std::erase(progress.open, ended.member);
    ++progress.ended;
    if (ended.code != 0) ++progress.failed;
    progress.highest_code = std::max(progress.highest_code, ended.code);
    go_on();
  }

  void operator()(const event::MemberDropped& drop) {
    ArrayProgress& progress = array_.progress;
    const auto place = place_of(array_.spec.array, drop.index);
    if (array_.state > JobState::kRunning || !place || *place < progress.made ||
        is_dropped(array_, drop.index))
      return;
    progress.dropped.push_back(drop.index);
    if (array_.state == JobState::kRunning) go_on();
  }

  void operator()(const event::EndRequested& request) {
    if (array_.state == JobState::kEnded) return;
    if (!array_.cancelled)
      array_.cancelled = Job::Cancelled{
          .by = request.by, .who = request.who, .is_gave_up = false};
    array_.spec.kill_plan = request.plan;
    if (array_.state == JobState::kPreparing) return;
    if (array_.state == JobState::kRunning) enter(JobState::kEnding);
    ask(effect::EndMembers{});
    go_on();
  }

  /// What happens to processes happens to its members.
  template <class Other>
  void operator()(const Other& /*event*/) {}

 private:
  void ask(Effect effect) { effects_.push_back(std::move(effect)); }

  void enter(JobState state) {
    array_.state = state;
    ask(effect::Announce{});
  }

  [[nodiscard]] bool is_live() const {
    return array_.state == JobState::kRunning ||
           array_.state == JobState::kEnding;
  }

  [[nodiscard]] bool is_open(JobId member) const {
    return std::ranges::find(array_.progress.open, member) !=
           array_.progress.open.end();
  }

  /// What is not to be made is passed over.
  void pass_over() {
    std::uint32_t& made = array_.progress.made;
    for (auto next = index_at(array_.spec.array, made);
         next && is_dropped(array_, *next);
         next = index_at(array_.spec.array, made))
      ++made;
  }

  void go_on() {
    if (array_.state == JobState::kRunning) pass_over();
    const bool is_complete =
        array_.state == JobState::kEnding ||
        array_.progress.made >= count_of(array_.spec.array);
    if (is_complete) forget_launch(array_.spec);
    if (is_complete && array_.progress.open.empty()) return close();
    if (wants_member(array_)) ask(effect::MakeMember{});
  }

  void close() {
    const ArrayProgress& progress = array_.progress;
    JobResult& result = array_.result;
    result.reason = Reason::kExited;
    if (array_.cancelled) {
      result.reason = Reason::kCancelled;
      result.by = array_.cancelled->by;
      result.detail = array_.cancelled->who;
    }
    result.has_status = progress.ended > 0 || !array_.cancelled;
    result.wait_status = progress.highest_code << 8;
    array_.ended = when_;
    enter(JobState::kEnded);
  }

  Job array_;
  Moment when_;
  std::vector<Effect> effects_;
};

/// Its environment is the array's, without what an array around it said.
std::vector<std::string> environment_of(const Job& array, std::uint32_t index) {
  static constexpr std::string_view kPrefix = "CORRAL_ARRAY_";
  std::vector<std::string> variables = array.spec.env;
  std::erase_if(variables, [](const std::string& variable) {
    return variable.starts_with(kPrefix);
  });
  const auto add = [&variables](std::string_view name, std::string_view value) {
    variables.push_back(
        std::string(kPrefix).append(name).append("=").append(value));
  };
  const IndexBounds bounds = bounds_of(array.spec.array);
  add("JID", display(array.jid).view());
  add("INDEX", std::to_string(index));
  add("COUNT", std::to_string(count_of(array.spec.array)));
  add("FIRST", std::to_string(bounds.lowest));
  add("LAST", std::to_string(bounds.highest));
  return variables;
}

}  // namespace

Step step_array(Job array, const JobEvent& event) {
  ArrayStepper stepper(std::move(array), event.when);
  std::visit(stepper, event.body);
  return std::move(stepper).finish();
}

bool wants_member(const Job& array) {
  const ArrayRange& range = array.spec.array;
  return array.state == JobState::kRunning &&
         array.progress.made < count_of(range) &&
         (range.at_most == 0 || array.progress.open.size() < range.at_most);
}

std::uint32_t members_made(const Job& array) {
  const ArrayProgress& progress = array.progress;
  const auto passed =
      std::ranges::count_if(progress.dropped, [&array](std::uint32_t index) {
        const auto place = place_of(array.spec.array, index);
        return place && *place < array.progress.made;
      });
  return progress.made - static_cast<std::uint32_t>(passed);
}

std::vector<Effect> resume_array(const Job& array) {
  if (array.state == JobState::kPreparing) return {effect::MakeContainer{}};
  if (array.state == JobState::kEnding) return {effect::EndMembers{}};
  if (wants_member(array)) return {effect::MakeMember{}};
  return {};
}

bool is_dropped(const Job& array, std::uint32_t index) {
  return std::ranges::find(array.progress.dropped, index) !=
         array.progress.dropped.end();
}

std::string member_name(const Job& array, std::uint32_t index) {
  return member_word(array.spec.name.empty()
                         ? std::string(display(array.jid).view())
                         : array.spec.name,
                     index);
}

JobSpec member_spec(const Job& array, std::uint32_t index) {
  JobSpec spec = array.spec;
  spec.kind = JobKind::kDetached;
  spec.array = {};
  spec.member = {.array = array.jid, .index = index};
  spec.name = member_name(array, index);
  spec.token.clear();
  spec.requested = kNoJob;
  spec.env = environment_of(array, index);
  return spec;
}

}  // namespace core
