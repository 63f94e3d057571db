// SPDX-License-Identifier: Apache-2.0
// Members that come and go otherwise than by fork and exit. The kernel is the
// truth of membership: a process is moved first, by a worker, and its event is
// written down after it. Who repeats a request that was lost between the two is
// answered that it is done, and a job that waits for its first process is found
// to have one.
#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "core/attach_rules.h"
#include "supervisor/candidate.h"
#include "supervisor/followed_members.h"
#include "supervisor/job_members.h"
#include "supervisor/job_service.h"
#include "supervisor/log.h"
#include "supervisor/mover.h"
#include "sys/cgroup_tree.h"
#include "sys/proc_files.h"

namespace supervisor {

namespace {

using core::Answer;
using core::Refusal;
using core::Verb;

/// What the kernel said about a move of `what`, into or out of a job.
std::unexpected<core::Refused> refuse_move(const std::string& what,
                                           core::JobId jid,
                                           const core::Error& error) {
  switch (error.code) {
    case ESRCH:
      return refuse(Refusal::kNoSuchProcess, what + " has ended");
    case ENOENT:
    case ENODEV:
      return core::refuse_ended(jid);
    case EACCES:
    case EPERM:
      return refuse(Refusal::kNotSupported,
                    "the kernel does not let this instance move " + what +
                        ": it may not write the cgroup that both are below "
                        "(cgroups(7)); the system instance may");
    case EBUSY:
      return refuse(Refusal::kUnavailable,
                    what +
                        " cannot all be moved: they fork faster than that; "
                        "'corral freeze' the job first");
    default:
      return refuse(Refusal::kUnavailable, "the kernel does not move " + what +
                                               ": " + error.message().c_str());
  }
}

/// Whether it is where its job's cgroup is said to be, not only below who is a
/// member: those are a subreaper's, or followed.
bool is_contained(const core::Candidate& process) {
  return sys::job_in_cgroup_path(process.cgroup, sys::own_cgroup_path()) ==
         process.job;
}

}  // namespace

/// What the rules of attaching ask of a job.
core::JobFacts JobService::facts_of(const core::Job& job) const {
  core::JobFacts facts{.jid = job.jid,
                       .kind = job.spec.kind,
                       .engine = job.engine,
                       .state = job.state,
                       .is_being_ended = job.kill.step != core::KillStep::kNone,
                       .ancestors = {},
                       .is_frozen = job.freezing != core::Freezing::kNo,
                       .held_within = core::LimitKind::kNone};
  if (!job.spec.accepts_less)
    facts.held_within = parts_->admission.division_of(job.spec).held_within();
  for (core::JobId above = parts_->containers.parent(job.jid);
       above != core::kNoJob; above = parts_->containers.parent(above))
    facts.ancestors.push_back(above);
  return facts;
}

/// Completes what is known of a process by what we know of our jobs.
void JobService::place(core::Candidate& process) const {
  if (process.job == core::kNoJob) {
    if (const core::Job* const job = find_ancestor_job(process.pid)) {
      process.job = job->jid;
      process.job_is_ours = true;
    }
  } else {
    process.job_is_ours =
        table_.find(process.job) != nullptr &&
        process.cgroup.starts_with(parts_->containers.path(process.job));
  }
  process.is_corral =
      process.is_corral ||
      std::ranges::any_of(table_.jobs(), [&](const auto& row) {
        return parts_->scopes.scope_pid(row.first) == process.pid &&
               scope_of(row.second.job, parts_->scopes) == process.pid;
      });
}

void JobService::attach(const core::Caller& caller, core::JobId jid,
                        core::ProcessRef process, core::AttachMode mode,
                        AttachDone done) {
  settle();
  auto move = prepare_attach(caller, jid, std::move(process), mode);
  if (!move) return done(std::unexpected(std::move(move).error()));
  auto kept = std::make_shared<Attachment>(std::move(*move));
  const core::Pid pid = kept->facts.pid;
  if (const auto at = moving_.find(pid); at != moving_.end())
    return at->second.waiting.push_back([this, caller, jid, kept, mode, done] {
      attach(caller, jid,
             {.pid = {}, .pidfd = std::move(kept->pidfd).release().to_handle()},
             mode, done);
    });
  if (!kept->is_needed || kept->followed.start_ticks != 0)
    return done(note_attached(caller, jid, *kept));
  moving_[pid].into = jid;
  parts_->mover.move(std::move(kept->move), [this, caller, jid, kept, pid,
                                             done = std::move(done)](
                                                const auto& moved) {
    if (!moved) {
      end_move(pid);
      return done(refuse_move(core::detail::process_text(kept->facts), jid,
                              moved.error()));
    }
    auto noted = note_attached(caller, jid, *kept);
    if (noted) {
      if (kept->left != core::kNoJob)
        post(kept->left, core::event::Detached{.pid = pid, .by = caller.uid});
      end_move(pid);
      return done(std::move(noted));
    }
    put_back(jid, std::move(*kept), [this, pid, done, noted] {
      end_move(pid);
      done(noted);
    });
  });
}

/// Who waits looks at the process anew.
void JobService::end_move(core::Pid pid) {
  const auto waiting = moving_.extract(pid);
  if (waiting.empty()) return;
  for (const auto& call : waiting.mapped().waiting)
    call();
}

/// The job ended while the process came, or could not write it down: it is none
/// of its, and goes back to where it was. Else it would keep the container for
/// its life.
void JobService::put_back(core::JobId jid, Attachment attachment,
                          std::function<void()> done) {
  auto leaves = parts_->containers.leaves(jid);
  Move move{.pid = attachment.facts.pid,
            .from = std::move(attachment.pidfd).release(),
            .to = parts_->containers.exits(jid, attachment.facts.cgroup),
            .joins = {}};
  if (!leaves || move.to.empty()) return done();
  move.joins = *std::move(leaves);
  parts_->mover.move(
      std::move(move), [name = core::detail::process_text(attachment.facts),
                        jid, done = std::move(done)](const auto& moved) {
        if (!moved && moved.error().code != ESRCH)
          spdlog::warn(
              "{} stays in the container of job {}, which did not "
              "take it: {}",
              name, core::display(jid).view(),
              text_of(moved.error().message()));
        done();
      });
}

Answer<JobService::Attachment> JobService::prepare_attach(
    const core::Caller& caller, core::JobId jid, core::ProcessRef process,
    core::AttachMode mode) {
  const core::Job* const job = TRY(look_up(caller, jid, Verb::kControl));
  TRY(check_no_array(jid, "attach to one"));
  FoundProcess found = TRY(find_process(std::move(process)));
  place(found.facts);
  const auto deed = TRY(core::check_attach(caller, found.facts, facts_of(*job),
                                           mode, site_.rules));
  Attachment attachment;
  attachment.facts = std::move(found.facts);
  attachment.is_needed = deed != core::AttachDeed::kNothing;
  if (deed == core::AttachDeed::kFollow) {
    const auto followed = know_process(attachment.facts.pid);
    if (!followed || found.pidfd.has_exited())
      return refuse(
          Refusal::kNoSuchProcess,
          core::detail::process_text(attachment.facts) + " has ended");
    attachment.followed = *followed;
  } else if (attachment.is_needed) {
    if (mode == core::AttachMode::kTransfer)
      attachment.left = TRY(check_leaving(caller, attachment.facts));
    // Who comes from the job around it is counted there already.
    TRY(check_tasks(jid, mode == core::AttachMode::kNested
                             ? attachment.facts.job
                             : core::kNoJob));
    auto copy = found.pidfd.descriptor().duplicate();
    auto directory = parts_->containers.open_for_newcomer(jid);
    auto joins = parts_->containers.joins(jid);
    if (!copy || !directory || !joins)
      return refuse(Refusal::kUnavailable,
                    "the container of " + core::job_text(jid) +
                        " cannot be opened; are there descriptors left?");
    attachment.move.pid = attachment.facts.pid;
    attachment.move.from = *std::move(copy);
    attachment.move.to.push_back(*std::move(directory));
    attachment.move.joins = *std::move(joins);
  }
  attachment.pidfd = std::move(found.pidfd);
  return attachment;
}

/// The job that it may be taken from; kNoJob: it is in none.
Answer<core::JobId> JobService::check_leaving(
    const core::Caller& caller, const core::Candidate& process) const {
  if (process.job == core::kNoJob) return core::kNoJob;
  const core::Job* const job =
      TRY(look_up(caller, process.job, Verb::kControl));
  if (!is_contained(process))
    return refuse(Refusal::kInvalid, core::detail::process_text(process) +
                                         " is followed by " +
                                         core::job_text(process.job) +
                                         ", not in its container; detach it "
                                         "first");
  TRY(core::check_detach(caller, facts_of(*job), site_.rules,
                         parts_->admission.has_site_limits()));
  return process.job;
}

Answer<void> JobService::note_attached(const core::Caller& caller,
                                       core::JobId jid,
                                       Attachment& attachment) {
  settle();
  const TableEntry* const entry = table_.find(jid);
  if (entry == nullptr || entry->job.state != core::JobState::kRunning)
    return refuse(Refusal::kEnded,
                  core::job_text(jid) + " has ended meanwhile");
  if (core::lacks_first(entry->job)) {
    auto pidfd = attachment.pidfd.descriptor().duplicate();
    if (pidfd) parts_->handles.put(jid, HandleKind::kMain, *std::move(pidfd));
  } else if (!attachment.is_needed) {
    return {};  // a repeated request: it is known
  }
  return carry_out(
      jid, core::event::Attached{
               .pid = attachment.facts.pid,
               .by = caller.uid,
               .command = attachment.facts.command,
               .origin = attachment.is_needed && attachment.left == core::kNoJob
                             ? attachment.facts.cgroup
                             : std::string(),
               .followed = attachment.followed});
}

void JobService::detach(const core::Caller& caller, core::ProcessRef process,
                        DetachDone done) {
  settle();
  auto found = find_process(std::move(process));
  if (!found) return done(std::unexpected(std::move(found).error()));
  place(found->facts);
  const core::JobId jid = found->facts.job;
  const std::string name = core::detail::process_text(found->facts);
  if (!found->facts.job_is_ours)
    return done(
        refuse(Refusal::kNoSuchJob, name + " is in no job of this instance"));
  const core::Job& job = table_.find(jid)->job;
  const bool is_followed = job.followed && job.followed->has(found->facts.pid);
  if (!is_followed && core::has_followed(job) && core::has_cgroup(job.engine) &&
      !is_contained(found->facts))
    return done(refuse(Refusal::kInvalid,
                       name + " is followed with who it descends from; that "
                              "one can be detached"));
  auto move = prepare_detach(caller, jid, is_followed);
  if (move)
    if (auto owned =
            core::detail::check_owner(caller, found->facts, site_.rules);
        !owned)
      move = std::unexpected(std::move(owned).error());
  if (!move) return done(std::unexpected(std::move(move).error()));
  if (is_followed) return done(note_detached(caller, jid, found->facts.pid));
  if (const auto at = moving_.find(found->facts.pid); at != moving_.end()) {
    auto pidfd =
        std::make_shared<sys::UniqueFd>(std::move(found->pidfd).release());
    return at->second.waiting.push_back([this, caller, pidfd, done] {
      detach(caller, {.pid = {}, .pidfd = std::move(*pidfd).to_handle()}, done);
    });
  }
  move->pid = found->facts.pid;
  move->from = std::move(found->pidfd).release();
  moving_[move->pid];
  parts_->mover.move(*std::move(move),
                     [this, caller, jid, name, pid = found->facts.pid,
                      done = std::move(done)](const auto& moved) {
                       if (moved)
                         done(note_detached(caller, jid, pid));
                       else
                         done(refuse_move(name, jid, moved.error()));
                       end_move(pid);
                     });
}

Answer<core::JobId> JobService::note_detached(const core::Caller& caller,
                                              core::JobId jid, core::Pid pid) {
  TRY(carry_out(jid, core::event::Detached{.pid = pid, .by = caller.uid}));
  return jid;
}

/// Where to, and that the caller may.
Answer<Move> JobService::prepare_detach(const core::Caller& caller,
                                        core::JobId jid, bool is_followed) {
  const core::Job* const job = TRY(look_up(caller, jid, Verb::kControl));
  TRY(check_no_array(jid, "detach from one"));
  TRY(core::check_detach(caller, facts_of(*job), site_.rules,
                         parts_->admission.has_site_limits(), is_followed));
  Move move;
  if (is_followed) return move;
  move.to = parts_->containers.exits(jid, job->origin);
  auto leaves = parts_->containers.leaves(jid);
  if (move.to.empty() || !leaves)
    return refuse(Refusal::kUnavailable,
                  "no cgroup outside of " + core::job_text(jid) +
                      " can be opened; are there descriptors left?");
  move.joins = *std::move(leaves);
  return move;
}

void JobService::detach_all(const core::Caller& caller, core::JobId jid,
                            DetachAllDone done) {
  settle();
  const TableEntry* const entry = table_.find(jid);
  const std::uint32_t followed =
      entry != nullptr && entry->job.followed
          ? static_cast<std::uint32_t>(entry->job.followed->living.size())
          : 0;
  const bool is_all_followed =
      followed > 0 && !core::has_cgroup(entry->job.engine);
  auto move = prepare_detach(caller, jid, is_all_followed);
  if (move)
    if (auto checked = check_members(caller, jid); !checked)
      move = std::unexpected(std::move(checked).error());
  if (!move) return done(std::unexpected(std::move(move).error()));
  if (is_all_followed) return done(note_all_detached(caller, jid, followed));
  auto directory = parts_->containers.open(jid);
  if (!directory)
    return done(refuse_move("its processes", jid, directory.error()));
  move->from = *std::move(directory);
  parts_->mover.move(
      *std::move(move),
      [this, caller, jid, followed, done = std::move(done)](const auto& moved) {
        if (!moved)
          return done(refuse_move("the processes of " + core::job_text(jid),
                                  jid, moved.error()));
        done(note_all_detached(caller, jid, *moved + followed));
      });
}

Answer<std::uint32_t> JobService::note_all_detached(const core::Caller& caller,
                                                    core::JobId jid,
                                                    std::uint32_t count) {
  TRY(carry_out(jid,
                core::event::JobDetached{.by = caller.uid, .count = count}));
  return count;
}

/// With those of the jobs within. Who cannot be moved is ended.
void JobService::let_all_go(const core::Job& job,
                            const core::event::EndRequested& otherwise) {
  const core::JobId jid = job.jid;
  if (!core::has_cgroup(job.engine))
    return post(jid, core::event::JobDetached{.by = otherwise.by, .count = 0});
  auto directory = parts_->containers.open(jid);
  auto leaves = parts_->containers.leaves(jid);
  Move move{.pid = {},
            .from = {},
            .to = parts_->containers.exits(jid, job.origin),
            .joins = {}};
  if (!directory || !leaves || move.to.empty()) return post(jid, otherwise);
  move.from = *std::move(directory);
  move.joins = *std::move(leaves);
  parts_->mover.move(std::move(move), [this, jid,
                                       otherwise](const auto& moved) {
    if (!moved) return post(jid, otherwise);
    post(jid, core::event::JobDetached{.by = otherwise.by, .count = *moved});
  });
}

/// All of them are the caller's own, and of no job within.
Answer<void> JobService::check_members(const core::Caller& caller,
                                       core::JobId jid) const {
  if (parts_->containers.has_nested(jid))
    return refuse(Refusal::kInvalid, "other jobs are nested in " +
                                         core::job_text(jid) +
                                         "; detach or end those first");
  if (caller.uid == core::Uid(0)) return {};
  for (const core::Pid pid : parts_->containers.members(jid)) {
    const auto found = find_process({.pid = pid, .pidfd = {}});
    if (found)
      TRY(core::detail::check_owner(caller, found->facts, site_.rules));
  }
  return {};
}

}  // namespace supervisor
