// SPDX-License-Identifier: Apache-2.0
// Sessions: jobs that a login service opens round a process of its own, the
// leader, and closes when its user has gone. The leader is taken out again
// before its session is closed: it is the service's, and must outlive it.
#include <memory>
#include <utility>

#include "core/attach_rules.h"
#include "core/domain.h"
#include "core/job_name.h"
#include "supervisor/candidate.h"
#include "supervisor/job_service.h"
#include "supervisor/log.h"

namespace supervisor {

namespace {

using core::Answer;
using core::OpenedSession;
using core::Refusal;
using core::SessionRequest;
using core::Verb;

core::JobSpec spec_of(const SessionRequest& request, core::JobId parent) {
  core::JobSpec spec;
  spec.kind = core::JobKind::kSession;
  spec.user = request.user;
  spec.service = request.service;
  spec.domain = request.domain.empty()
                    ? std::string(core::domain_of_service(request.service))
                    : request.domain;
  spec.project = request.project;
  spec.account = request.account;
  spec.stragglers = request.stragglers;
  spec.kill_plan = request.kill_plan;
  spec.limits = request.limits;
  spec.terms = request.terms;
  spec.accepts_less = request.accepts_less;
  spec.parent = parent;
  return spec;
}

}  // namespace

Answer<void> JobService::may_open(const core::Caller& caller) const {
  const bool is_root = caller.uid == core::Uid(0) || caller.uid == site_.user;
  if (is_root || core::is_scheduler(caller, site_.rules) ||
      caller.granted.has(Verb::kCreateForOther))
    return {};
  return refuse(Refusal::kAccessDenied,
                "uid " + std::to_string(caller.uid.raw()) +
                    " may not open and close sessions; root, the instance's "
                    "own user and the site's schedulers may (corral.toml(5))",
                Verb::kCreateForOther);
}

void JobService::open_session(const core::Caller& caller,
                              SessionRequest request, OpenDone done) {
  settle();
  if (auto may = may_open(caller); !may)
    return done(std::unexpected(std::move(may).error()));
  auto found = find_process(std::move(request.leader));
  if (!found) return done(std::unexpected(std::move(found).error()));
  place(found->facts);
  if (auto fits = core::detail::check_kind(found->facts); !fits)
    return done(std::unexpected(std::move(fits).error()));
  const core::JobId around =
      found->facts.job_is_ours ? found->facts.job : core::kNoJob;
  if (const TableEntry* const entry = table_.find(around)) {
    const core::Job& job = entry->job;
    // The same service asks again, or another within an open session.
    const bool is_leader = job.main == found->facts.pid;
    // Whoever opened it died before it could write its leader down.
    if (core::is_open_session(job) && core::lacks_first(job))
      return lead(caller, around, *std::move(found), request.mode, done);
    if (core::is_open_session(job) && (is_leader || !request.nests))
      return done(OpenedSession{.jid = around, .is_existing = !is_leader});
  }
  auto leader = std::make_shared<FoundProcess>(*std::move(found));
  core::JobSpec spec = spec_of(request, around);
  const core::AttachMode mode = mode_within(around, request.mode);
  // Where it is, a leader can be followed without a cgroup, too.
  if (mode == core::AttachMode::kLogical && !parts_->admission.has_cgroups())
    spec.engine = core::Engine::kSubreaper;
  core::LaunchHandles handles;
  handles.lifetime = std::move(request.lifetime);
  create(caller, std::move(spec), std::move(handles),
         [this, caller, leader, mode,
          done = std::move(done)](Answer<core::CreatedJob> made) {
           if (!made) return done(std::unexpected(std::move(made).error()));
           // Later: an event of the job is being worked off.
           loop_.defer([this, caller, jid = made->jid, leader, mode, done] {
             lead(caller, jid, std::move(*leader), mode, done);
           });
         });
}

/// Who is in a job stays within it: he is moved from there to the nested one.
/// To be followed within a session is asked for as it is, and the rules of
/// attaching refuse it; within a job of another kind that contains him, say a
/// service, he is moved.
core::AttachMode JobService::mode_within(core::JobId around,
                                         core::AttachMode wanted) const {
  const TableEntry* const entry = table_.find(around);
  if (entry == nullptr) return wanted;
  const bool is_session = entry->job.spec.kind == core::JobKind::kSession;
  const bool is_followed = core::has_followed(entry->job);
  return (is_session || is_followed) && wanted == core::AttachMode::kLogical
             ? wanted
             : core::AttachMode::kNested;
}

/// The session has its job: its leader comes in, or it was in vain.
void JobService::lead(const core::Caller& caller, core::JobId jid,
                      FoundProcess leader, core::AttachMode mode,
                      const OpenDone& done) {
  const core::Caller own{.uid = site_.user, .pid = caller.pid};
  const TableEntry* const entry = table_.find(jid);
  auto allowed = core::detail::check_owner(caller, leader.facts, site_.rules);
  // A scheduler's leader may be the user's own process, too.
  if (!allowed && entry != nullptr)
    allowed = core::detail::check_owner({.uid = entry->job.owner, .pid = {}},
                                        leader.facts, site_.rules);
  const auto answer = [this, jid, done](Answer<void> attached) {
    if (attached) return done(OpenedSession{.jid = jid, .is_existing = false});
    // Not killed: the leader may be in there after all.
    if (const TableEntry* const made = table_.find(jid))
      let_all_go(made->job, {.by = site_.user,
                             .who = "a session without a leader",
                             .plan = made->job.spec.kill_plan});
    done(std::unexpected(std::move(attached).error()));
  };
  if (!allowed) return answer(std::move(allowed));
  attach(own, jid,
         {.pid = {}, .pidfd = std::move(leader.pidfd).release().to_handle()},
         mode, answer);
}

void JobService::close_session(const core::Caller& caller, core::JobId jid,
                               AttachDone done) {
  settle();
  if (auto may = may_open(caller); !may)
    return done(std::unexpected(std::move(may).error()));
  const auto found = look_up(caller, jid, Verb::kSee);
  if (!found) return done(std::unexpected(found.error()));
  const core::Job& job = **found;
  if (job.spec.kind != core::JobKind::kSession)
    return done(
        refuse(Refusal::kInvalid, core::job_text(jid) + " is no session"));
  if (!core::is_open_session(job))
    return done({});  // twice, or its leader had gone
  const auto close = [this, caller, jid, done](bool /*has_left*/) {
    done(carry_out(jid, core::event::SessionClosed{.by = caller.uid}));
  };
  if (!core::owes_status(job)) return close(true);
  let_go(jid, *job.main, close);
}

/// Takes the leader out; the session is closed whether that is done or not: it
/// may have gone, or left before.
void JobService::let_go(core::JobId jid, core::Pid leader,
                        const std::function<void(bool)>& then) {
  const core::Caller own{.uid = site_.user, .pid = {}};
  auto process = find_process({.pid = leader, .pidfd = {}});
  if (process) place(process->facts);
  if (!process || process->facts.job != jid) return then(false);
  detach(own,
         {.pid = {}, .pidfd = std::move(process->pidfd).release().to_handle()},
         [jid, then](const Answer<core::JobId>& left) {
           if (!left)
             spdlog::warn("the leader of session {} does not leave it: {}",
                          core::display(jid).view(), left.error().text);
           then(left.has_value());
         });
}

}  // namespace supervisor
