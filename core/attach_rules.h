// SPDX-License-Identifier: Apache-2.0
// Which process may become a member of which job, and which member may leave:
// pure decisions on facts that were read before (supervisor/candidate.h).
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "core/job_control.h"
#include "core/try.h"

namespace core {

/// What is known of a process that lives.
struct Candidate {
  Pid pid;
  std::vector<Uid> uids;  ///< real, effective and saved: each must be one's own
  bool is_kernel_thread = false;
  bool is_corral = false;  ///< init, or a part of an instance
  JobId job;               ///< the innermost; kNoJob: it is in none
  bool job_is_ours = false;
  Text<16> command;    ///< /proc/PID/comm
  std::string cgroup;  ///< below the mount
};

/// What is known of the job that it is to join or leave.
struct JobFacts {
  JobId jid;
  JobKind kind = JobKind::kForeground;
  Engine engine = Engine::kSubreaper;
  JobState state = JobState::kPreparing;
  bool is_being_ended = false;
  std::vector<JobId> ancestors;  ///< those that it is nested in
  bool is_frozen = false;        ///< or is to be
  /// A limit that its container holds, and no less was accepted; none: none.
  LimitKind held_within = LimitKind::kNone;
};

enum class AttachDeed : std::uint8_t {
  kMove,     ///< into the job's container
  kFollow,   ///< where it is
  kNothing,  ///< it is there already
};

namespace detail {

inline std::string process_text(const Candidate& process) {
  return "process " + std::to_string(process.pid.raw()) + " (" +
         std::string(process.command.view()) + ")";
}

/// Whose processes the caller may not order about. Of another user's nothing is
/// an ordinary user's instance's, whoever asks it: the kernel would not let it.
inline Answer<void> check_owner(const Caller& caller, const Candidate& process,
                                const AuthorityRules& rules) {
  for (const Uid uid : process.uids)
    if (rules.instance != Uid(0) && uid != rules.instance)
      return refuse(Refusal::kAccessDenied,
                    process_text(process) + " belongs to uid " +
                        std::to_string(uid.raw()) +
                        ", and this instance is that of uid " +
                        std::to_string(rules.instance.raw()));
    else if (!may(caller, Verb::kControl, uid, rules))
      return refuse(Refusal::kAccessDenied,
                    process_text(process) + " belongs to uid " +
                        std::to_string(uid.raw()) + ", not to uid " +
                        std::to_string(caller.uid.raw()),
                    Verb::kControl);
  return {};
}

/// What can neither join nor leave any job.
inline Answer<void> check_kind(const Candidate& process) {
  if (process.is_kernel_thread)
    return refuse(Refusal::kInvalid,
                  process_text(process) +
                      " is a thread of the kernel's own, which is in no job");
  if (process.is_corral)
    return refuse(Refusal::kInvalid,
                  process_text(process) +
                      " is init or a part of Corral, which is in no job");
  return {};
}

inline Answer<void> check_job(const JobFacts& job) {
  if (job.state >= JobState::kClosing) return refuse_ended(job.jid);
  if (job.is_being_ended || job.state == JobState::kEnding)
    return refuse(Refusal::kEnded, job_text(job.jid) + " is being ended");
  if (job.state < JobState::kRunning)
    return refuse(Refusal::kInvalid, job_text(job.jid) + " does not run yet");
  return {};
}

inline Answer<void> check_container(const JobFacts& job,
                                    std::string_view verb) {
  if (!can_move(job.engine))
    return refuse(
        Refusal::kNotSupported,
        job_text(job.jid) + " is contained by the engine " +
            std::string(name_of(job.engine)) + ", which cannot " +
            std::string(verb) +
            " processes: it holds what descends from its first" +
            (verb == "attach" ? "; mode 'logical' follows others" : ""));
  return {};
}

inline std::unexpected<Refused> refuse_taken(const Candidate& process,
                                             std::string_view what_then) {
  return refuse(Refusal::kInvalid,
                process_text(process) + " is in " + job_text(process.job) +
                    (process.job_is_ours ? "" : " of another instance") +
                    " already; " + std::string(what_then));
}

/// What is not moved is neither frozen nor bound by what the container does.
inline Answer<AttachDeed> check_follow(const Candidate& process,
                                       const JobFacts& job) {
  if (process.job != kNoJob) return refuse_taken(process, "detach it first");
  if (job.is_frozen)
    return refuse(Refusal::kInvalid, job_text(job.jid) + " is frozen, and " +
                                         process_text(process) +
                                         " would run on in it");
  if (job.held_within != LimitKind::kNone)
    return refuse(Refusal::kNotSupported,
                  std::string("the limit '") + row_of(job.held_within).word +
                      "' of " + job_text(job.jid) +
                      " is held by its container, in which a process is not "
                      "that is followed; --accept-less at its beginning "
                      "(AcceptsLess) takes that");
  return AttachDeed::kFollow;
}

}  // namespace detail

/// May the caller, who may control the job, make this process a member?
[[nodiscard]] inline Answer<AttachDeed> check_attach(
    const Caller& caller, const Candidate& process, const JobFacts& job,
    AttachMode mode, const AuthorityRules& rules) {
  using detail::process_text;
  TRY(detail::check_job(job));
  if (mode != AttachMode::kLogical) TRY(detail::check_container(job, "attach"));
  TRY(detail::check_kind(process));
  TRY(detail::check_owner(caller, process, rules));
  if (process.job_is_ours && process.job == job.jid)
    return AttachDeed::kNothing;
  if (mode == AttachMode::kLogical) return detail::check_follow(process, job);
  const bool is_in_ancestor =
      process.job_is_ours &&
      std::ranges::find(job.ancestors, process.job) != job.ancestors.end();
  if (mode == AttachMode::kNested) {
    if (is_in_ancestor) return AttachDeed::kMove;
    if (job.ancestors.empty())
      return refuse(Refusal::kInvalid,
                    job_text(job.jid) +
                        " is nested in no job; mode 'nested' takes a process "
                        "of the job above");
    return refuse(Refusal::kInvalid, process_text(process) + " is not in " +
                                         job_text(job.ancestors.front()) +
                                         ", which " + job_text(job.jid) +
                                         " is nested in");
  }
  if (process.job == kNoJob) return AttachDeed::kMove;
  if (mode == AttachMode::kTransfer && process.job_is_ours)
    return AttachDeed::kMove;
  return detail::refuse_taken(
      process, is_in_ancestor        ? "mode 'nested' keeps it there"
               : process.job_is_ours ? "mode 'transfer' takes it from there"
                                     : "detach it there first");
}

/// May the caller, who may control the job, take this member out of it? Where
/// the site bounds jobs nobody takes himself out of them. `is_followed`: no
/// member of the container is meant.
[[nodiscard]] inline Answer<void> check_detach(const Caller& caller,
                                               const JobFacts& job,
                                               const AuthorityRules& rules,
                                               bool has_site_limits,
                                               bool is_followed = false) {
  TRY(detail::check_job(job));
  if (!is_followed) TRY(detail::check_container(job, "detach"));
  const bool is_session = job.kind == JobKind::kSession;
  const bool may_all = caller.uid == Uid(0) || caller.uid == rules.instance ||
                       is_operator(caller, rules) ||
                       caller.granted.has(Verb::kControl);
  if (may_all || (!is_session && !has_site_limits)) return {};
  return refuse(Refusal::kAccessDenied,
                std::string(is_session ? job_text(job.jid) + " is a session"
                                       : "the site sets limits") +
                    ", so only root and operators take processes out of " +
                    (is_session ? "it" : "jobs"),
                Verb::kControl);
}

}  // namespace core
