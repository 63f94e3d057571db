// SPDX-License-Identifier: Apache-2.0
// Job arrays: their members are made here, one a turn of the loop, so that an
// array of any size keeps nobody waiting; requests about an array are requests
// about each of its members.
//
// Invariants:
//  - A member's creation and what the array is told of it (MemberMade) are next
//    to each other in the journal. Where a crash came between, the member is
//    there with its index, and the array is told then.
//  - A member has a name that no other live job can have: a second one of the
//    same index is not made.
#include <algorithm>
#include <utility>

#include "core/array_machine.h"
#include "core/job_result.h"
#include "supervisor/job_service.h"
#include "supervisor/log.h"
#include "sys/clock.h"

namespace supervisor {

namespace {

namespace event = core::event;
using core::Answer;
using core::JobState;
using core::Refusal;

/// Of an array that waits for something else than its own members.
constexpr core::Microseconds kPause = core::seconds(1);

/// The end of one of which nothing is known any more.
constexpr std::uint8_t kLostCode = core::kOwnFailureCode;

std::uint8_t code_of(const core::Job& member) {
  return static_cast<std::uint8_t>(
      std::clamp(core::shell_code(member.result), 0, 255));
}

bool is_array(const core::Job& job) {
  return job.spec.kind == core::JobKind::kArray;
}

std::string first_member(const core::Job& array) {
  return core::member_name(array,
                           core::index_at(array.spec.array, 0).value_or(0));
}

}  // namespace

Answer<void> JobService::check_no_array(core::JobId jid,
                                        std::string_view what) const {
  const TableEntry* const entry = table_.find(jid);
  if (entry == nullptr || !is_array(entry->job)) return {};
  return refuse(Refusal::kInvalid, core::job_text(jid) +
                                       " is an array: " + std::string(what) +
                                       " of its members, such as '" +
                                       first_member(entry->job) + "'");
}

void JobService::act_on_array(const core::Job& array,
                              const core::Effect& effect) {
  if (std::holds_alternative<core::effect::MakeMember>(effect))
    make_members_soon(array.jid);
  if (std::holds_alternative<core::effect::EndMembers>(effect))
    end_members(array);
}

/// By a timer, not deferred: between two members the loop looks at the others.
void JobService::make_members_soon(core::JobId array) {
  arrays_.insert(array);
  if (!array_turn_.is_set()) array_turn_.set(sys::boot_now());
}

void JobService::make_members() {
  for (const core::JobId jid : std::exchange(arrays_, {})) {
    const TableEntry* const entry = table_.find(jid);
    if (entry != nullptr && core::wants_member(entry->job) && !is_going_down_)
      make_member(entry->job);
  }
}

void JobService::make_member(const core::Job& array) {
  const auto index = core::index_at(array.spec.array, array.progress.made);
  if (!index) return;
  core::JobSpec spec = core::member_spec(array, *index);
  // It is on its way; MemberMade goes on with the next.
  if (table_.find_live_name(array.owner, spec.name)) return;
  const core::Caller owner{
      .uid = array.owner, .pid = {}, .groups = {}, .granted = {}};
  if (!parts_->admission.check_room(owner, spec) ||
      !parts_->admission.has_descriptors()) {
    starved_.insert(array.jid);  // until some job runs or ends
    // Nobody tells when clients let go of descriptors.
    if (array.progress.open.empty())
      starved_turn_.set(sys::boot_now() + kPause);
    return;
  }
  const auto jid = new_jid(spec.kind);
  if (!jid)
    return jids_.when_there(
        [this, array = array.jid] { make_members_soon(array); });
  table_.promise(*jid, array.owner, spec);
  const core::Engine engine = spec.engine.value_or(core::Engine::kSubreaper);
  post(*jid,
       event::Created{
           .spec = std::move(spec), .owner = array.owner, .engine = engine});
  post(array.jid, event::MemberMade{*jid});
}

void JobService::feed_arrays() {
  for (const core::JobId jid : std::exchange(starved_, {}))
    make_members_soon(jid);
}

void JobService::count_member(const core::Job& member) {
  if (member.spec.member.array == core::kNoJob) return;
  post(member.spec.member.array,
       event::MemberEnded{.member = member.jid, .code = code_of(member)});
}

void JobService::end_members(const core::Job& array) {
  const event::EndRequested request{
      .by = array.cancelled ? array.cancelled->by : array.owner,
      .who = array.cancelled ? array.cancelled->who : core::Text<96>(),
      .plan = array.spec.kill_plan};
  for (const core::JobId jid : array.progress.open) {
    const TableEntry* const entry = table_.find(jid);
    if (entry != nullptr && entry->job.state < core::JobState::kClosing)
      post(jid, request);
  }
}

/// What a crash may have kept it from being told.
void JobService::catch_up(const core::Job& array) {
  for (const core::JobId jid : array.progress.open) {
    const TableEntry* const entry = table_.find(jid);
    if (entry == nullptr)
      post(array.jid, event::MemberEnded{.member = jid, .code = kLostCode});
    else if (entry->job.state == core::JobState::kEnded)
      count_member(entry->job);
  }
  const auto next = core::index_at(array.spec.array, array.progress.made);
  for (const auto& [jid, entry] : table_.jobs()) {
    const core::ArrayMember& member = entry.job.spec.member;
    if (member.array != array.jid || !next || member.index != *next) continue;
    post(array.jid, event::MemberMade{jid});
    if (entry.job.state == core::JobState::kEnded) count_member(entry.job);
  }
}

Answer<void> JobService::signal_members(const core::Caller& caller,
                                        const core::Job& array,
                                        core::SignalNumber signal,
                                        core::SignalTarget target) {
  const core::JobId jid = array.jid;
  std::size_t count = 0;
  // A copy: a member that ends leaves the list.
  for (const core::JobId member : std::vector(array.progress.open))
    if (this->signal(caller, member, signal, target)) ++count;
  if (count > 0) return {};
  return refuse(Refusal::kInvalid,
                core::job_text(jid) + " is an array of which no member runs");
}

Answer<void> JobService::end_member(const core::Caller& caller, core::JobId jid,
                                    std::uint32_t index,
                                    const core::KillPlanChange& change) {
  settle();
  const core::Job* const array =
      TRY(look_up(caller, jid, core::Verb::kControl));
  if (!is_array(*array))
    return refuse(Refusal::kInvalid, core::job_text(jid) + " is no array");
  for (const auto& [member, entry] : table_.jobs())
    if (entry.job.spec.member.array == jid &&
        entry.job.spec.member.index == index)
      return end(caller, member, change);
  if (array->state > JobState::kRunning) return core::refuse_ended(jid);
  const auto place = core::place_of(array->spec.array, index);
  if (!place)
    return refuse(Refusal::kNoSuchJob, core::job_text(jid) + " has no member " +
                                           std::to_string(index) +
                                           ", its members are " +
                                           core::text_of(array->spec.array));
  if (core::is_dropped(*array, index)) return {};
  if (*place < array->progress.made)
    return refuse(Refusal::kEnded, "member " + std::to_string(index) + " of " +
                                       core::job_text(jid) + " has ended");
  return carry_out(jid, event::MemberDropped{.by = caller.uid, .index = index});
}

Answer<std::vector<core::ProcessView>> JobService::processes_of_members(
    const core::Caller& caller, const core::Job& array) {
  std::vector<core::ProcessView> all;
  for (const core::JobId member : array.progress.open)
    if (auto some = processes(caller, member))
      std::ranges::move(*some, std::back_inserter(all));
  return all;
}

Answer<core::JobId> JobService::find_member(
    const core::Caller& caller, const core::MemberWord& word) const {
  const core::Job* array = nullptr;
  if (const auto jid = core::parse_job_id(word.array)) {
    const TableEntry* const entry = table_.find(*jid);
    if (entry != nullptr) array = &entry->job;
  }
  for (const auto& [jid, entry] : table_.jobs())
    if (is_array(entry.job) && entry.job.spec.name == word.array &&
        may(caller, core::Verb::kSee, entry.job.owner) &&
        is_better(entry.job, array, caller.uid))
      array = &entry.job;
  const std::string name = core::member_word(word.array, word.index);
  if (array == nullptr || !is_array(*array))
    return refuse(Refusal::kNoSuchJob, "there is no job '" + name + "'");
  for (const auto& [jid, entry] : table_.jobs())
    if (entry.job.spec.member.array == array->jid &&
        entry.job.spec.member.index == word.index)
      return jid;
  const auto place = core::place_of(array->spec.array, word.index);
  const std::string of = core::job_text(array->jid) + ", whose members are " +
                         core::text_of(array->spec.array);
  if (!place)
    return refuse(Refusal::kNoSuchJob, "there is no '" + name + "' in " + of);
  const std::string_view state =
      core::is_dropped(*array, word.index)
          ? "was dropped before it was made, and never runs"
      : *place < array->progress.made
          ? "has ended and is not remembered any more"
      : array->state > JobState::kRunning ? "never began, and never will"
                                          : "has not begun yet";
  return refuse(Refusal::kNoSuchJob,
                "'" + name + "' " + std::string(state) + "; it is of " + of);
}

}  // namespace supervisor
