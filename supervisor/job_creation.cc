// SPDX-License-Identifier: Apache-2.0
// How jobs are made, and how a request that is repeated after a crash of the
// supervisor gets the job that it made.
#include <utility>

#include "supervisor/job_service.h"
#include "supervisor/log.h"
#include "sys/clock.h"
#include "sys/fd_mount.h"
#include "sys/foreign_fds.h"

namespace supervisor {

namespace {

/// How long a foreground job waits for a caller who lost us before its launch.
constexpr core::Microseconds kCallerPatience = core::seconds(10);

/// Who runs a command for another answers for it; a job without a command is
/// that of whose processes it is made.
core::Uid owner_of(const core::Caller& caller, const core::JobSpec& spec) {
  return core::has_command(spec.kind) ? caller.uid : spec.uid;
}

/// What the kernel's one count of processes and threads is held to.
struct TasksBound {
  core::LimitKind kind;
  std::uint64_t bound;
};
std::optional<TasksBound> bound_of_tasks(const core::JobSpec& spec) {
  std::optional<TasksBound> least;
  for (const auto kind :
       {core::LimitKind::kProcesses, core::LimitKind::kThreads}) {
    const auto bound = core::bound_of(spec.limits, spec.terms, kind);
    if (bound && (!least || *bound < least->bound))
      least = TasksBound{.kind = kind, .bound = *bound};
  }
  return least;
}

std::unexpected<core::Refused> refuse_going_down() {
  return refuse(core::Refusal::kUnavailable, "the instance is shutting down");
}

std::unexpected<core::Refused> refuse_ended(const core::Job& job) {
  return refuse(
      core::Refusal::kEnded,
      core::job_text(job.jid) + " " + core::sentence_of(job.result).c_str());
}

/// Reaper and store have a copy, and close it themselves. Of pipes and sockets
/// theirs is not the last, which alone may hang; each close of a file asks its
/// file system.
core::Answer<void> check_stream(const char* key, const core::Handle& handle) {
  if (!handle.is_open() ||
      sys::kind_of(handle.number()) != sys::FdKind::kFile ||
      sys::is_of_own_mount(handle.number()))
    return {};
  return refuse(core::Refusal::kInvalid,
                std::string("key '") + key +
                    "' is a file of a file system in user space, or of another "
                    "mount namespace, expected a pipe, a socket or another "
                    "file");
}

core::Answer<void> check_streams(const core::LaunchHandles& handles) {
  TRY(check_stream("StandardInput", handles.standard_input));
  TRY(check_stream("StandardOutput", handles.standard_output));
  return check_stream("StandardError", handles.standard_error);
}

}  // namespace

void JobService::create(const core::Caller& caller, core::JobSpec spec,
                        core::LaunchHandles handles, CreateDone done) {
  if (is_repeated(caller, spec, done)) return;
  if (is_going_down_) return done(refuse_going_down());
  if (auto may_be = may_request(caller, spec); !may_be)
    return done(std::unexpected(std::move(may_be).error()));
  if (caller.uid != core::Uid(0) && caller.uid != site_.user)
    if (auto harmless = check_streams(handles); !harmless)
      return done(std::unexpected(std::move(harmless).error()));
  const bool has_streams = handles.standard_input.is_open() ||
                           handles.standard_output.is_open() ||
                           handles.standard_error.is_open();
  if (spec.kind == core::JobKind::kArray && has_streams)
    return done(refuse(core::Refusal::kInvalid,
                       "descriptors go to one job, and the output of an "
                       "array's members to their logs"));
  // A std::function must be copyable, which handles are not.
  auto kept = std::make_shared<core::LaunchHandles>(std::move(handles));
  parts_->admission.admit(
      caller, std::move(spec),
      [this, caller, kept,
       done = std::move(done)](core::Answer<core::JobSpec> admitted) mutable {
        if (!admitted) return done(std::unexpected(admitted.error()));
        accept(caller, *std::move(admitted), std::move(kept), std::move(done));
      });
}

core::Answer<void> JobService::may_request(const core::Caller& caller,
                                           const core::JobSpec& spec) const {
  const core::JobId jid = spec.requested;
  if (jid == core::kNoJob && !spec.began && spec.domain.empty()) return {};
  if (!core::may_choose_jid(caller, site_.rules))
    return refuse(core::Refusal::kAccessDenied,
                  "only root, the instance's own user and the site's "
                  "schedulers " +
                      std::string(jid != core::kNoJob ? "choose a jid"
                                  : spec.began        ? "say when a job began"
                                               : "choose a job's domain") +
                      ", and not uid " + std::to_string(caller.uid.raw()),
                  core::Verb::kCreateForOther);
  if (spec.began && *spec.began > sys::now().real)
    return refuse(core::Refusal::kInvalid,
                  "key 'BeganUSec' is " + std::to_string(spec.began->raw()) +
                      ", which is later than now, expected microseconds since "
                      "1970 until now");
  if (jid == core::kNoJob || core::hid_of(jid) == site_.hid) return {};
  const auto first = core::make_job_id(site_.hid, 1);
  return refuse(core::Refusal::kInvalid,
                core::job_text(jid) +
                    " would have another instance's number; the jids of this "
                    "one are from " +
                    core::display(first).c_str() + " on");
}

/// One is given once: above all that were, or of those that were passed over
/// since this instance began. Of those before nobody remembers which were
/// given.
void JobService::request_jid(const core::Caller& caller, core::JobSpec spec,
                             SharedHandles handles, CreateDone done) {
  const core::JobId jid = spec.requested;
  const std::string name = core::job_text(jid);
  jids_.request(
      core::sequence_of(jid),
      [this, caller, jid, name, spec = std::move(spec),
       handles = std::move(handles), done = std::move(done)](
          core::Result<JidSource::Request> request) mutable {
        if (!request)
          return done(refuse(core::Refusal::kUnavailable,
                             name +
                                 " cannot be had, as that it was given "
                                 "cannot be written down: " +
                                 request.error().message().c_str()));
        switch (*request) {
          case JidSource::Request::kGiven:
            break;
          case JidSource::Request::kUsed:
            return done(refuse(
                core::Refusal::kNameTaken,
                name + " was there already, or may have been; jids above " +
                    core::display(core::make_job_id(site_.hid, jids_.last()))
                        .c_str() +
                    " can be had, and those that were passed over"));
          case JidSource::Request::kTooHigh:
            return done(refuse(
                core::Refusal::kInvalid,
                name + " would leave too few jids above it; those up to " +
                    core::display(
                        core::make_job_id(site_.hid, JidSource::kHighest))
                        .c_str() +
                    " can be had"));
        }
        if (parts_->launcher.has_log(jid))
          return done(refuse(core::Refusal::kNameTaken,
                             name + " has left a log in this directory"));
        accept(caller, std::move(spec), std::move(handles), std::move(done),
               jid);
      });
}

void JobService::accept(const core::Caller& caller, core::JobSpec spec,
                        SharedHandles handles, CreateDone done,
                        std::optional<core::JobId> given) {
  // While a name was looked up this request may have come again, and others
  // may have taken its name and its place.
  if (is_repeated(caller, spec, done)) return;
  if (is_going_down_) return done(refuse_going_down());
  if (auto room = parts_->admission.check_room(caller, spec); !room)
    return done(std::unexpected(std::move(room).error()));
  if (auto around = check_around(spec); !around)
    return done(std::unexpected(std::move(around).error()));
  if (!given && spec.requested != core::kNoJob)
    return request_jid(caller, std::move(spec), std::move(handles),
                       std::move(done));
  const auto found = given ? given : new_jid(spec.kind);
  if (!found)
    return jids_.when_there([this, caller, spec = std::move(spec),
                             handles = std::move(handles),
                             done = std::move(done)]() mutable {
      accept(caller, std::move(spec), std::move(handles), std::move(done));
    });
  const core::JobId jid = *found;
  // An array has no container, so nothing that an engine does is done for it.
  const core::Engine engine =
      spec.kind == core::JobKind::kArray
          ? core::Engine::kSubreaper
          : spec.engine.value_or(core::Engine::kSubreaper);
  if (spec.parent != core::kNoJob && core::has_command(spec.kind))
    entering_.emplace(jid, spec.parent);
  if (spec.kind == core::JobKind::kDetached) keep_streams(jid, *handles);
  parts_->lifetimes.keep(jid, std::move(handles->lifetime));
  add_creator(jid, caller, std::move(done));
  if (spec.kind == core::JobKind::kForeground && handlers_.on_creator)
    handlers_.on_creator(jid, caller.pid);
  const core::Uid owner = owner_of(caller, spec);
  table_.promise(jid, owner, spec);
  // The descriptors must be in the store before the journal has the job: the
  // next supervisor could not ask for them again.
  parts_->store.when_flushed([this, jid, owner, engine,
                              spec = std::move(spec)] {
    post(jid,
         core::event::Created{.spec = spec, .owner = owner, .engine = engine});
  });
}

core::JobId JobService::frozen_from(core::JobId jid) const {
  for (; jid != core::kNoJob; jid = parts_->containers.parent(jid)) {
    const TableEntry* const entry = table_.find(jid);
    if (entry != nullptr && entry->job.freezing != core::Freezing::kNo) break;
  }
  return jid;
}

/// Whether a command can begin in the jobs that its own is to be nested in.
core::Answer<void> JobService::check_around(const core::JobSpec& spec) const {
  if (!core::has_command(spec.kind)) return {};
  const core::JobId frozen = frozen_from(spec.parent);
  if (frozen != core::kNoJob)
    return core::refuse(
        core::Refusal::kInvalid,
        core::job_text(frozen) +
            " is frozen, so nothing would begin in it; 'corral thaw' "
            "it first");
  return spec.parent == core::kNoJob ? core::Answer<void>()
                                     : check_tasks(spec.parent, core::kNoJob);
}

/// Whether one more process has room in a job and in those around it, but for
/// `counted`, in which it is already. The kernel bounds forks, not who comes
/// otherwise (cgroup-v2.rst, "PID").
core::Answer<void> JobService::check_tasks(core::JobId jid,
                                           core::JobId counted) const {
  for (; jid != counted && jid != core::kNoJob;
       jid = parts_->containers.parent(jid)) {
    const TableEntry* const entry = table_.find(jid);
    if (entry == nullptr) return {};
    const auto bound = bound_of_tasks(entry->job.spec);
    if (!bound) continue;
    const auto now = parts_->containers.tasks_now(jid);
    if (!now || *now + entering(jid) < bound->bound) continue;
    return core::refuse(core::Refusal::kTooMany,
                        core::job_text(jid) + " is at its limit '" +
                            core::row_of(bound->kind).word + "' of " +
                            std::to_string(bound->bound) +
                            ", with all in it counted");
  }
  return {};
}

/// How many are about to begin in the job and in those nested in it, or to come
/// into them.
std::uint64_t JobService::entering(core::JobId jid) const {
  std::erase_if(entering_, [this](const auto& row) {
    const TableEntry* const entry = table_.find(row.first);
    return !creators_.contains(row.first) &&
           (entry == nullptr || entry->job.state >= core::JobState::kRunning);
  });
  const auto shares_bound = [&](core::JobId other) {
    return other == jid || (other != core::kNoJob && is_within(other, jid));
  };
  const auto beginning = std::ranges::count_if(entering_, shares_bound,
                                               &Entering::value_type::second);
  const auto moving = std::ranges::count_if(
      moving_, shares_bound, [](const auto& row) { return row.second.into; });
  return static_cast<std::uint64_t>(beginning + moving);
}

/// Nothing: the next jids are not reserved yet.
std::optional<core::JobId> JobService::new_jid(core::JobKind kind) {
  for (;;) {
    const auto sequence = jids_.next();
    if (!sequence) return std::nullopt;
    const core::JobId jid = core::make_job_id(site_.hid, *sequence);
    // A log that is there is another job's, whoever gave that the same jid.
    if (kind == core::JobKind::kForeground || !parts_->launcher.has_log(jid))
      return jid;
  }
}

bool JobService::is_repeated(const core::Caller& caller,
                             const core::JobSpec& spec, CreateDone& done) {
  if (const auto jid = table_.promised_token(caller.uid, spec.token)) {
    add_creator(*jid, caller, std::move(done));
    return true;
  }
  const TableEntry* const made = table_.find_token(caller.uid, spec.token);
  if (made == nullptr) return false;
  repeat(caller, made->job, std::move(done));
  return true;
}

void JobService::keep_streams(core::JobId jid, core::LaunchHandles& handles) {
  const auto keep = [&](HandleKind kind, core::Handle& handle) {
    if (handle.is_open())
      parts_->handles.put(jid, kind, sys::UniqueFd(std::move(handle)));
  };
  keep(HandleKind::kInput, handles.standard_input);
  keep(HandleKind::kOutput, handles.standard_output);
  keep(HandleKind::kError, handles.standard_error);
}

void JobService::add_creator(core::JobId jid, const core::Caller& caller,
                             CreateDone done) {
  Creators& creators = creators_[jid];
  creators.answers.push_back(std::move(done));
  creators.last = caller.pid;
  creators.uid = caller.uid;
}

void JobService::repeat(const core::Caller& caller, const core::Job& job,
                        CreateDone done) {
  const bool is_detached = job.spec.kind != core::JobKind::kForeground;
  if (job.state < core::JobState::kLaunching ||
      (is_detached && job.state == core::JobState::kLaunching)) {
    add_creator(job.jid, caller, std::move(done));
    return;
  }
  if (is_detached)
    return done(core::CreatedJob{.jid = job.jid,
                                 .engine = job.engine,
                                 .link = {},
                                 .container = {},
                                 .joins = {},
                                 .scope_limits = {},
                                 .process_limits = {}});
  if (job.state == core::JobState::kLaunching)
    return offer_link(
        job,
        {.answers = {std::move(done)}, .last = caller.pid, .uid = caller.uid});
  if (job.state == core::JobState::kRunning)
    return done(refuse(core::Refusal::kInvalid,
                       "the token's job " +
                           std::string(core::display(job.jid).view()) +
                           " runs already, in its own scope"));
  done(refuse_ended(job));
}

void JobService::offer_launch(const core::Job& job) {
  const auto at = creators_.find(job.jid);
  if (at == creators_.end()) {
    if (is_caller_awaited(job.jid)) return;  // it lost us and may come back
    return post(
        job.jid,
        core::event::LaunchFailed{
            .failure = {.stage = core::LaunchStage::kSupervisorGone, .code = 0},
            .detail = {}});
  }
  Creators creators = std::move(at->second);
  creators_.erase(at);
  offer_link(job, std::move(creators));
}

void JobService::offer_link(const core::Job& job, Creators creators) {
  std::vector<CreateDone> done = std::move(creators.answers);
  awaited_callers_.erase(job.jid);
  auto created = std::make_shared<core::CreatedJob>();
  const auto entry = offer_entry(job, creators, *created);
  auto link = parts_->scopes.make(job.jid, creators.last);
  if (!link || !entry) {
    const core::Error& error = link ? entry.error() : link.error();
    spdlog::error("job {} cannot be launched: {}",
                  core::display(job.jid).view(), text_of(error.message()));
    for (const CreateDone& answer : done)
      answer(refuse(core::Refusal::kUnavailable, error.message().c_str()));
    return post(job.jid,
                core::event::LaunchFailed{
                    .failure = {.stage = core::LaunchStage::kDescriptors,
                                .code = error.code},
                    .detail = error.subject.view()});
  }
  // Only one can have the link: the last to ask, who is the one still there.
  created->jid = job.jid;
  created->engine = job.engine;
  created->link = std::move(*link).to_handle();
  const LimitDivision division = parts_->admission.division_of(job.spec);
  created->scope_limits = division.of_scope();
  created->process_limits = division.beyond_scope();
  for (std::size_t i = 0; i + 1 < done.size(); ++i)
    done[i](refuse(core::Refusal::kInvalid, "the request was repeated"));
  parts_->store.when_flushed([created, answer = std::move(done.back())] {
    answer(std::move(*created));
  });
}

/// What the first process comes into its cgroup by.
core::Result<void> JobService::offer_entry(const core::Job& job,
                                           const Creators& creators,
                                           core::CreatedJob& created) {
  if (!core::has_cgroup(job.engine)) return {};
  const bool enters_itself =
      creators.uid == core::Uid(0) || creators.uid == site_.user;
  std::vector<sys::UniqueFd> joins;
  if (enters_itself) {
    created.container =
        TRY(job.spec.delegates ? parts_->containers.open_own(job.jid)
                               : parts_->containers.open(job.jid))
            .to_handle();
    joins = TRY(parts_->containers.joins(job.jid));
  } else {
    joins = TRY(parts_->places.offer(job.jid, creators.last));
  }
  for (sys::UniqueFd& join : joins)
    created.joins.push_back(std::move(join).to_handle());
  return {};
}

void JobService::await_caller(core::JobId jid) {
  Timer& patience = awaited_callers_[jid];
  patience = Timer(loop_, [this, jid] {
    awaited_callers_.erase(jid);
    const TableEntry* const entry = table_.find(jid);
    if (entry == nullptr || entry->job.state != core::JobState::kLaunching ||
        parts_->scopes.is_open(jid))
      return;
    post(jid, core::event::LaunchFailed{
                  .failure = {.stage = core::LaunchStage::kSupervisorGone,
                              .code = 0},
                  .detail = {}});
  });
  patience.set(sys::boot_now() + kCallerPatience);
}

}  // namespace supervisor
