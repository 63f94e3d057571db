// SPDX-License-Identifier: Apache-2.0
#include "supervisor/job_service.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/job_verdict.h"
#include "supervisor/log.h"
#include "sys/clock.h"

namespace supervisor {

namespace {

namespace event = core::event;

/// How long to wait for memory before the journal is tried again.
constexpr core::Microseconds kJournalPause = core::seconds(1);

/// An event without an effect changes nothing, but for these. What changes
/// nothing (a report that came twice) need not be remembered.
bool may_change_silently(const core::EventBody& body) {
  return std::holds_alternative<event::Populated>(body) ||
         std::holds_alternative<event::OutOfMemory>(body) ||
         std::holds_alternative<event::EndRequested>(body) ||
         std::holds_alternative<event::MemberMade>(body) ||
         std::holds_alternative<event::MemberDropped>(body) ||
         std::holds_alternative<event::MemberEnded>(body);
}

/// It came to nothing but the next: after a crash it is read anew, so no
/// journal need grow by it.
bool is_only_reading(const core::EventBody& body, const core::Job& before,
                     const core::Job& after) {
  return std::holds_alternative<event::CpuRead>(body) && !after.limit_hit &&
         after.soft_passed == before.soft_passed;
}

/// Whether what was read before decides what it comes to.
bool may_find_passed(const core::EventBody& body) {
  const auto* const fired = std::get_if<event::TimerFired>(&body);
  return std::holds_alternative<event::CpuRead>(body) ||
         (fired != nullptr && fired->timer == core::JobTimer::kLimit);
}

/// The bounds that such an event finds passed. They are written down by
/// themselves: readings are not, so the replay would not find them again.
std::vector<event::LimitPassed> found_passed(const core::Job& job,
                                             const core::JobEvent& event) {
  const core::Step found = core::step(job, event);
  std::vector<event::LimitPassed> passed;
  for (const core::Effect& effect : found.effects)
    if (const auto* const told = std::get_if<core::effect::TellLimit>(&effect))
      passed.push_back(
          {.kind = told->hit.kind, .value = told->hit.value, .is_soft = true});
  if (found.job.limit_hit && !job.limit_hit)
    passed.push_back({.kind = found.job.limit_hit->kind,
                      .value = found.job.limit_hit->value});
  return passed;
}

bool is_of_array(const core::Effect& effect) {
  return std::holds_alternative<core::effect::MakeMember>(effect) ||
         std::holds_alternative<core::effect::EndMembers>(effect);
}

/// Why a job came to nothing, for who asked for it.
core::Refusal why_not(const core::Job& job) {
  if (job.cancelled && !job.cancelled->is_gave_up) return core::Refusal::kEnded;
  if (!job.launch_failure) return core::Refusal::kUnavailable;
  switch (core::shell_code(*job.launch_failure)) {
    case 127:
      return core::Refusal::kProgramNotFound;
    case 126:
      return core::Refusal::kNotExecutable;
    default:
      return core::Refusal::kLaunchFailed;
  }
}

bool is_reported_by_reaper(const core::Job& job) {
  if (job.spec.kind != core::JobKind::kDetached) return false;
  return !core::has_own_reaper(job.engine) ||
         job.state == core::JobState::kLaunching;
}

/// What came of a request to freeze.
core::Answer<void> frozen_answer(const core::Job& job) {
  const std::string name = core::job_text(job.jid);
  switch (job.freezing) {
    case core::Freezing::kFrozen:
      return {};
    case core::Freezing::kNo:
      return std::unexpected(
          core::Refused{.why = core::Refusal::kEnded,
                        .text = name + " was thawed or ended meanwhile"});
    default:
      return std::unexpected(core::Refused{
          .why = core::Refusal::kUnavailable,
          .text = name +
                  " is not frozen yet: a process of it waits in the kernel and "
                  "will stand still when it returns"});
  }
}

}  // namespace

JobService::JobService(EventLoop& loop, ServiceSite site, JobTable& table,
                       Journal& journal, JidSource& jids)
    : loop_(loop),
      site_(std::move(site)),
      table_(table),
      journal_(journal),
      jids_(jids),
      journal_retry_(loop, [this] { settle(); }),
      array_turn_(loop, [this] { make_members(); }),
      starved_turn_(loop, [this] { feed_arrays(); }) {}

void JobService::connect(const Parts& parts, Handlers handlers) {
  parts_.emplace(parts);
  handlers_ = std::move(handlers);
  const auto around = [this](core::Pid pid) { return job_around(pid); };
  parts_->admission.set_job_around(around);
  parts_->places.set_job_around(around);
}

void JobService::post(core::JobId jid, core::EventBody body) {
  post_at(jid, sys::now(), std::move(body));
}

void JobService::post_at(core::JobId jid, const core::Moment& when,
                         core::EventBody body) {
  queue_.push_back({jid, when, std::move(body)});
  if (is_settling_ || is_settling_soon_) return;
  is_settling_soon_ = true;
  loop_.defer([this] {
    is_settling_soon_ = false;
    settle();
  });
}

void JobService::settle() {
  if (is_settling_) return;
  parts_->store.flush();  // before the journal says that it is there
  if (const auto done = work_off(); !done)
    return wait_for_journal(done.error());
  handlers_.on_settled();
}

core::Result<void> JobService::work_off() {
  // Reset however this ends: an exception must not leave it settling for ever.
  struct Settling {
    explicit Settling(bool& flag) : is_settling(flag) { is_settling = true; }
    ~Settling() { is_settling = false; }
    Settling(const Settling&) = delete;
    Settling& operator=(const Settling&) = delete;
    bool& is_settling;
  } const settling(is_settling_);
  while (!queue_.empty()) {
    // Taken out only when it is done: what the journal refuses is kept.
    TRY(on_event(queue_.front()));
    queue_.pop_front();
    ++worked_off_;
  }
  return {};
}

core::Result<void> JobService::on_event(const core::JobEvent& event) {
  const TableEntry* const entry =
      may_find_passed(event.body) ? table_.find(event.job) : nullptr;
  if (entry != nullptr)
    for (const event::LimitPassed& passed : found_passed(entry->job, event))
      TRY(take({event.job, event.when, passed}));
  return take(event);
}

core::Result<void> JobService::take(const core::JobEvent& event) {
  const bool is_new = std::holds_alternative<event::Created>(event.body);
  TableEntry* entry = table_.find(event.job);    // find the job
  if (is_new != (entry == nullptr)) return {};   // forgotten, or known
  core::Step step = is_new ? core::begin(event)  // decide (pure)
                           : core::step(entry->job, event);
  if (step.effects.empty() && !may_change_silently(event.body)) return {};
  if (entry != nullptr && is_only_reading(event.body, entry->job, step.job)) {
    table_.update(*entry, std::move(step.job), entry->state_entry);
    act(*entry, step.effects, entry->state_entry);
    return {};
  }
  buffer_.clear();
  core::encode(event, buffer_);
  const std::uint64_t number = TRY(journal_.append(buffer_));  // remember first
  const bool had_passed = !is_new && entry->job.limit_hit;
  const core::JobState before =
      is_new ? core::JobState::kPreparing : entry->job.state;
  const bool was_frozen = !is_new && entry->job.freezing != core::Freezing::kNo;
  if (is_new)
    entry = &table_.insert(std::move(step.job), number);  // then believe
  else
    table_.update(*entry, std::move(step.job), number);
  if (is_new) parts_->lifetimes.watch(event.job);
  if (entry->job.limit_hit && !had_passed) announce_limit(entry->job);
  if (listener_) listener_(entry->job, event, before);
  if (const auto* const launched = std::get_if<event::Launched>(&event.body);
      launched != nullptr && handlers_.on_launched)
    handlers_.on_launched(event.job, launched->pid);
  act(*entry, step.effects, number);  // then act
  if (was_frozen != (entry->job.freezing != core::Freezing::kNo))
    announce_within(event.job);
  return {};
}

void JobService::act(TableEntry& entry,
                     const std::vector<core::Effect>& effects,
                     std::uint64_t number) {
  const core::Job& job = entry.job;
  for (const core::Effect& effect : effects) {
    const bool is_offer =
        std::holds_alternative<core::effect::Launch>(effect) &&
        job.spec.kind == core::JobKind::kForeground;
    const auto* const told = std::get_if<core::effect::TellLimit>(&effect);
    if (is_offer)
      offer_launch(job);
    else if (told != nullptr)
      announce_soft_limit(job, told->hit);
    else if (is_of_array(effect))
      act_on_array(job, effect);
    else if (!std::holds_alternative<core::effect::Announce>(effect))
      parts_->effects.run(job, effect, number);
  }
  const bool is_announced =
      std::ranges::any_of(effects, [](const auto& effect) {
        return std::holds_alternative<core::effect::Announce>(effect);
      });
  if (is_announced) announce(job);
}

void JobService::announce(const core::Job& job) {
  answer_creators(job);
  answer_freezers(job);
  if (job.state == core::JobState::kPreparing) {
    if (observer_ != nullptr) observer_->on_job_new(job);
    return;
  }
  if (job.state != core::JobState::kEnded) {
    if (observer_ != nullptr) observer_->on_job_changed(job);
    if (job.state == core::JobState::kRunning) feed_arrays();
    return;
  }
  parts_->lifetimes.forget(job.jid);
  parts_->effects.release(job);
  if (handlers_.on_ended) handlers_.on_ended(job.jid);
  awaited_callers_.erase(job.jid);
  answer_waiters(job);
  if (observer_ != nullptr) observer_->on_job_removed(job);
  count_member(job);
  feed_arrays();
  forget_old(job.ended.boot);
}

/// Jobs that stand still, or go on, with the one around them.
void JobService::announce_within(core::JobId jid) const {
  if (observer_ == nullptr || !parts_->containers.has_nested(jid)) return;
  for (const auto& [nested, entry] : table_.jobs())
    if (entry.job.state == core::JobState::kRunning && is_within(nested, jid))
      observer_->on_job_changed(entry.job);
}

void JobService::forget_old(core::BootTime now) {
  for (const core::JobId jid : table_.forget_old(now))
    if (observer_ != nullptr) observer_->on_job_forgotten(jid);
}

void JobService::announce_limit(const core::Job& job) const {
  if (observer_ != nullptr) observer_->on_limit_passed(job);
}

void JobService::announce_soft_limit(const core::Job& job,
                                     const core::LimitHit& hit) const {
  if (observer_ != nullptr) observer_->on_soft_limit_passed(job, hit);
}

void JobService::answer_creators(const core::Job& job) {
  const auto at = creators_.find(job.jid);
  if (at == creators_.end() || job.state < core::JobState::kRunning) return;
  const auto done = std::move(at->second.answers);
  creators_.erase(at);
  // What failed to launch may leave processes that have to be ended first.
  const bool is_decided = job.state >= core::JobState::kClosing;
  const bool had_its_chance = job.spec.kind != core::JobKind::kForeground &&
                              !is_decided && !job.launch_failure;
  const core::JobResult result =
      is_decided ? job.result : core::decide_result(job);
  for (const CreateDone& answer : done) {
    if (had_its_chance)
      answer(core::CreatedJob{.jid = job.jid,
                              .engine = job.engine,
                              .link = {},
                              .container = {},
                              .joins = {},
                              .scope_limits = {},
                              .process_limits = {}});
    else
      answer(core::refuse(why_not(job), core::job_text(job.jid) + " " +
                                            core::sentence_of(result).c_str()));
  }
}

void JobService::answer_freezers(const core::Job& job) {
  const auto at = freezers_.find(job.jid);
  if (at == freezers_.end() || job.freezing == core::Freezing::kAsked) return;
  const auto freezers = std::move(at->second);
  freezers_.erase(at);
  for (const Freezer& freezer : freezers)
    freezer.done(freezer.freezes ? frozen_answer(job) : core::Answer<void>());
}

void JobService::answer_waiters(const core::Job& job) {
  const auto at = waiters_.find(job.jid);
  if (at == waiters_.end()) return;
  const auto waiters = std::move(at->second);
  waiters_.erase(at);
  for (const Waiter& waiter : waiters)
    waiter.done(view(waiter.caller, job));
}

void JobService::wait_for_journal(const core::Error& error) {
  if (!journal_retry_.is_set())
    spdlog::critical("the journal cannot be written: {}; {} events wait",
                     text_of(error.message()), queue_.size());
  journal_retry_.set(sys::boot_now() + kJournalPause);
}

core::Result<void> JobService::remember(std::span<const std::byte> item) {
  (void)TRY(journal_.append(item));
  return {};
}

void JobService::resume() {
  // Effects post events; they are worked off when every job was taken up.
  std::vector<core::JobId> jobs;
  for (const auto& [jid, entry] : table_.jobs()) {
    if (entry.job.state != core::JobState::kEnded) {
      jobs.push_back(jid);
      continue;
    }
    // Its end is remembered, but perhaps its scope was not told.
    parts_->scopes.resume(jid);
    parts_->lifetimes.forget(jid);
    parts_->effects.release(entry.job);
  }
  for (const core::JobId jid : jobs) {
    const TableEntry& entry = *table_.find(jid);
    const core::Job& job = entry.job;
    parts_->scopes.resume(jid);
    parts_->lifetimes.watch(jid);
    if (job.spec.kind == core::JobKind::kForeground &&
        job.state <= core::JobState::kLaunching) {
      await_caller(jid);
      parts_->places.resume(jid);
    }
    if (job.spec.kind == core::JobKind::kArray) catch_up(job);
    for (const core::Effect& effect : core::resume(job)) {
      using core::effect::RecordEnd;
      using core::effect::RecordStart;
      // Records that were asked for are with the recorder, by the key of the
      // entry that asked; what it has no longer is in the file.
      if (std::holds_alternative<RecordStart>(effect)) {
        if (!parts_->recorder.has_pending(jid, RecordKind::kStart))
          post(jid, event::StartRecorded{});
      } else if (std::holds_alternative<RecordEnd>(effect)) {
        if (!parts_->recorder.has_pending(jid, RecordKind::kEnd))
          post(jid, event::EndRecorded{});
      } else if (is_of_array(effect)) {
        act_on_array(job, effect);
      } else if (!std::holds_alternative<core::effect::Launch>(effect) ||
                 job.spec.kind == core::JobKind::kDetached) {
        parts_->effects.run(job, effect, entry.state_entry);
      }
    }
  }
}

void JobService::note_jid(core::JobId jid) {
  if (core::hid_of(jid) == site_.hid) jids_.note(core::sequence_of(jid));
}

void JobService::adopt(core::Job job) {
  note_jid(job.jid);
  core::JobSnapshot snapshot{.job = std::move(job),
                             .state_entry = journal_.next_number()};
  std::vector<std::byte> bytes;
  core::encode(snapshot, bytes);
  const auto number = journal_.append(bytes);
  if (!number)
    spdlog::critical(
        "the journal cannot be written: {}; job {} is known until "
        "the next crash only",
        text_of(number.error().message()),
        core::display(snapshot.job.jid).view());
  table_.insert(std::move(snapshot.job), snapshot.state_entry);
}

void JobService::lose_reaper() {
  for (const auto& [jid, entry] : table_.jobs())
    if (entry.job.state != core::JobState::kEnded &&
        is_reported_by_reaper(entry.job))
      post(jid, event::ReaperLost{});
}

void JobService::lose_collector(core::Collector left) {
  for (const auto& [jid, entry] : table_.jobs())
    if (entry.job.state < core::JobState::kClosing &&
        core::counts_all(entry.job.collector) && entry.job.collector != left)
      post(jid, event::CollectorLost{});
}

void JobService::end_all(std::string_view who,
                         const core::KillPlanChange& change) {
  is_going_down_ = true;
  for (const auto& [jid, entry] : table_.jobs()) {
    if (entry.job.state >= core::JobState::kClosing) continue;
    const event::EndRequested request{
        .by = site_.user,
        .who = who,
        .plan = change.of(entry.job.spec.kill_plan)};
    if (core::has_command(entry.job.spec.kind))
      post(jid, request);
    else
      let_all_go(entry.job, request);
  }
}

bool JobService::is_idle() const {
  return table_.live_count() == 0 && waiters_.empty() && creators_.empty() &&
         !jids_.is_awaited();
}

}  // namespace supervisor
