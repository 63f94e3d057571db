// SPDX-License-Identifier: Apache-2.0
// The port: everything that a face (D-Bus, command, PAM, cluster) can ask of
// the supervisor. The supervisor implements it; faces check their input's form,
// call it once, and answer. Answers that must wait come by callback, in the
// loop's thread, exactly once, unless the request was dropped before.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/accounting_control.h"
#include "core/authority.h"
#include "core/collector.h"
#include "core/handle.h"
#include "core/ids.h"
#include "core/job_machine.h"
#include "core/job_spec.h"
#include "core/refusal.h"

namespace core {

/// How a process becomes a member of a job.
enum class AttachMode : std::uint8_t {
  kMove,      ///< from outside of all jobs
  kNested,    ///< from the job that this one is nested in
  kLogical,   ///< followed where it is, without being moved
  kTransfer,  ///< from another job, which it leaves
};

constexpr std::string_view name_of(AttachMode mode) {
  switch (mode) {
    case AttachMode::kMove:
      return "move";
    case AttachMode::kNested:
      return "nested";
    case AttachMode::kLogical:
      return "logical";
    case AttachMode::kTransfer:
      return "transfer";
  }
  return "move";
}

constexpr std::optional<AttachMode> parse_attach_mode(std::string_view name) {
  for (const AttachMode one : {AttachMode::kMove, AttachMode::kNested,
                               AttachMode::kLogical, AttachMode::kTransfer})
    if (name_of(one) == name) return one;
  return std::nullopt;
}

/// A process, by one of the two. A number may have become another's.
struct ProcessRef {
  Pid pid;
  Handle pidfd;
};

/// A login session that is to be a job.
struct SessionRequest {
  std::string user;     ///< whose it is: a name or a number
  std::string service;  ///< that opens it (PAM_SERVICE)
  std::string domain;   ///< the site's word; empty: that of the service
  std::string project;  ///< that it is charged to; empty: to none
  std::string account;  ///< likewise
  ProcessRef leader;    ///< the service's process, whose children it is
  bool nests = false;   ///< a session of its own also within a session
  /// kMove, or kLogical: another manager's (logind's) processes stay where
  /// they are.
  AttachMode mode = AttachMode::kMove;
  Stragglers stragglers = Stragglers::kLinger;
  KillPlan kill_plan;
  JobLimits limits;
  TermsList terms;
  bool accepts_less = false;
  Handle lifetime;  ///< as LaunchHandles::lifetime: then it is closed
};

struct OpenedSession {
  JobId jid;
  bool is_existing = false;  ///< it was open: its opener closes it
};

/// The descriptors that go with a request to create a job, all optional.
struct LaunchHandles {
  Handle standard_input;
  Handle standard_output;  ///< absent: the job's log
  Handle standard_error;   ///< absent: the job's log
  /// Whose other side the creator holds: when nobody does any more the job is
  /// ended. Absent: it lives on.
  Handle lifetime;
};

/// A job that was made. For a foreground job `link` is the scope's end of its
/// link to the supervisor (reaper/protocol.h) and `container` the job's cgroup
/// directory (O_RDONLY), absent for the subreaper engine.
struct CreatedJob {
  JobId jid;
  Engine engine = Engine::kSubreaper;
  Handle link;
  Handle container;
  std::vector<Handle> joins;  ///< what the first process writes "0" to
  JobLimits scope_limits;     ///< those that the scope is to hold
  /// With which the scope is to begin: each process of the job gets them.
  std::vector<ResourceLimit> process_limits;
};

/// What faces show of an array, beside what they show of every job.
struct ArrayView {
  std::string range;  ///< as it was asked for; empty: it is no array
  std::uint32_t size = 0;
  std::uint32_t made = 0;     ///< of them
  std::uint32_t living = 0;   ///< of those made
  std::uint32_t ended = 0;    ///< likewise
  std::uint32_t failed = 0;   ///< of those that ended: not with code 0
  std::uint32_t dropped = 0;  ///< ended before they were made
};

/// What faces show of a job: a copy, complete in itself.
struct JobView {
  JobId jid;
  std::string name;
  Uid owner;
  JobKind kind = JobKind::kForeground;
  Engine engine = Engine::kSubreaper;
  JobState state = JobState::kPreparing;
  Freezing freezing = Freezing::kNo;
  JobLimits limits;
  TermsList terms;                ///< what `limits` has no place for
  std::vector<std::string> argv;  ///< empty if the caller may not see it
  std::optional<Pid> main;
  Moment created;
  Moment started;
  Moment ended;
  JobResult result;
  JobTotals totals;  ///< present counters: live when it lives
  std::optional<ExitRecord> main_exit;
  std::uint32_t processes_seen = 0;
  std::uint32_t stragglers = 0;
  std::string straggler_names;
  std::string container;  ///< path below the cgroup mount; empty: none
  JobId parent;           ///< kNoJob: it is nested in none
  std::string domain;     ///< the site's word for its kind; empty: not named
  std::string service;    ///< that opened the session
  ArrayView array;
  ArrayMember member;  ///< of an array
  std::vector<std::string> tags;
  std::string project;           ///< that it is charged to; empty: to none
  std::string account;           ///< likewise
  std::uint64_t project_id = 0;  ///< as the site numbers it; 0: it does not
  std::uint32_t followed = 0;    ///< members that are not in its container
  bool has_lifetime = false;     ///< it ends when its creator goes
  /// Of `limits` and `terms` those that do not hold for the whole job, which
  /// its creator accepted: sentences without a full stop, "limit 'swap' ...".
  std::vector<std::string> not_held;
};

/// What a job uses now and used so far: counters only, cheap to read.
struct UsageView {
  JobId jid;
  JobState state = JobState::kPreparing;
  BootTime read;                   ///< when the counters were read
  JobTotals totals;                ///< so far
  Maybe<Bytes> memory;             ///< now, with what is cached for it
  Maybe<std::uint64_t> processes;  ///< now
};

struct ProcessView {
  Pid pid;
  Pid ppid;
  std::string command;  ///< /proc/PID/comm
  char state = '?';     ///< as in /proc/PID/stat
  std::uint64_t cpu_us = 0;
};

/// How much of a job is told; what costs most is left out first.
enum class Detail : char {
  kAll,
  kBrief,  ///< not its arguments, and no counters of the living
  kRow,    ///< what names it, its kinds and states, times and result
};

struct JobFilter {
  std::optional<Uid> owner;
  bool with_ended = false;
  Detail detail = Detail::kAll;
  JobId array = kNoJob;                ///< this array and its members only
  std::vector<std::string> tags = {};  ///< jobs with all of these only
  std::string project = {};            ///< charged to it only; empty: to any
  std::string account = {};            ///< likewise
};

struct JobPage {
  std::vector<JobView> jobs;  ///< by ascending jid
  bool has_more = false;
};

struct InstanceView {
  std::string version;
  std::string kind;  ///< "system" or "private"
  std::uint32_t hid = 0;
  Engine engine = Engine::kSubreaper;
  std::string engine_why;
  std::string cgroup_base;                 ///< empty: none
  Collector collector = Collector::kWait;  ///< of jobs with the engine cgroup2
  std::string collector_why;  ///< it is no better, or less than it could be
  std::string pacct;          ///< path of the accounting file
  std::uint64_t records_written = 0;
  std::uint64_t records_waiting = 0;  ///< kept while the disk refuses them
  std::uint64_t records_lost = 0;
  std::uint64_t jobs_live = 0;
  std::uint64_t jobs_remembered = 0;
  std::uint32_t supervisor_starts = 0;
};

/// Told of every change that a face can see. In the order of events.
class JobObserver {
 public:
  virtual ~JobObserver() = default;
  virtual void on_job_new(const Job& job) = 0;
  virtual void on_job_changed(const Job& job) = 0;
  /// The job has passed a limit (job.limit_hit), and is ended for it.
  virtual void on_limit_passed(const Job& job) = 0;
  /// The job has passed a soft bound, and was told by a signal.
  virtual void on_soft_limit_passed(const Job& job, const LimitHit& hit) = 0;
  /// The job has ended; it is remembered for a while.
  virtual void on_job_removed(const Job& job) = 0;
  /// The ended job is remembered no longer.
  virtual void on_job_forgotten(JobId jid) = 0;
};

class ProviderControl;

class JobControl {
 public:
  using CreateDone = std::function<void(Answer<CreatedJob>)>;
  using FreezeDone = std::function<void(Answer<void>)>;
  using WaitDone = std::function<void(Answer<JobView>)>;
  using AttachDone = std::function<void(Answer<void>)>;
  using DetachDone = std::function<void(Answer<JobId>)>;
  using OpenDone = std::function<void(Answer<OpenedSession>)>;
  using DetachAllDone = std::function<void(Answer<std::uint32_t>)>;
  using WaitId = std::uint64_t;

  virtual ~JobControl() = default;

  /// Makes a job. The answer comes when it was launched (detached), or when its
  /// start is recorded and the caller's scope may launch it (foreground). A
  /// repeated token of the same owner is answered with the job it made.
  virtual void create(const Caller& caller, JobSpec spec, LaunchHandles handles,
                      CreateDone done) = 0;

  /// A signal to the job's processes, with no further consequence. Answered
  /// when it was sent: at most once, and never after a refusal.
  virtual Answer<void> signal(const Caller& caller, JobId jid,
                              SignalNumber signal, SignalTarget target) = 0;
  /// The same to those of its processes that are in one process group. Refused:
  /// kNoSuchProcess if there is none.
  virtual Answer<void> signal_group(const Caller& caller, JobId jid, Pid group,
                                    SignalNumber signal) = 0;

  /// The end of the job by its kill plan, changed by this. Once it is answered
  /// no crash loses it.
  virtual Answer<void> end(const Caller& caller, JobId jid,
                           const KillPlanChange& change) = 0;

  /// The end of one member of an array: as end(), or, if it is not made yet, it
  /// never is.
  virtual Answer<void> end_member(const Caller& caller, JobId array,
                                  std::uint32_t index,
                                  const KillPlanChange& change) = 0;

  /// Other limits of a job that lives; those that are not named stay. Answered
  /// when they hold. kNotSupported: one could not hold for all of the job.
  virtual Answer<void> set_limits(const Caller& caller, JobId jid,
                                  const std::vector<LimitChange>& changes,
                                  bool accepts_less) = 0;

  /// Lets no process of the job run, or lets them all run again. Answers when
  /// they stand still or may run; kUnavailable if some do not stand still yet.
  virtual void freeze(const Caller& caller, JobId jid, bool freezes,
                      FreezeDone done) = 0;

  /// Makes a process that exists already a member of a job. Repeated it is done
  /// once. Who may: core/attach_rules.h.
  virtual void attach(const Caller& caller, JobId jid, ProcessRef process,
                      AttachMode mode, AttachDone done) = 0;
  /// Takes a process out of its job: to the job that this one is nested in, or
  /// to where it came from. Answers which job it was.
  virtual void detach(const Caller& caller, ProcessRef process,
                      DetachDone done) = 0;
  /// Takes all of them out, so that the job ends. Answers how many there were.
  virtual void detach_all(const Caller& caller, JobId jid,
                          DetachAllDone done) = 0;

  /// Opens a session round its leader. Repeated for the same leader, or within
  /// an open session, it answers that one.
  virtual void open_session(const Caller& caller, SessionRequest request,
                            OpenDone done) = 0;
  /// The leader leaves the session, and who is left stays or is ended, as was
  /// said at its opening. A session that is closed already is closed.
  virtual void close_session(const Caller& caller, JobId jid,
                             AttachDone done) = 0;

  /// Answers when the job has ended (at once if it has). Returns 0 if it
  /// answered already, else a number for forget_wait().
  virtual WaitId wait(const Caller& caller, JobId jid, WaitDone done) = 0;
  virtual void forget_wait(WaitId id) = 0;

  /// May the caller do this to jobs of that owner? For faces that tell of jobs
  /// unasked; every request asks by itself.
  [[nodiscard]] virtual bool may(const Caller& caller, Verb verb,
                                 Uid owner) const = 0;

  virtual Answer<JobView> show(const Caller& caller, JobId jid) = 0;
  virtual Answer<UsageView> usage(const Caller& caller, JobId jid) = 0;
  /// The job with this name that the caller may see: his own before others',
  /// live ones before ended ones, then the youngest.
  virtual Answer<JobId> find(const Caller& caller, std::string_view name) = 0;
  virtual Answer<JobId> find_by_pid(const Caller& caller, Pid pid) = 0;
  /// Jobs with a jid above `after`, at most `most`.
  virtual JobPage list(const Caller& caller, const JobFilter& filter,
                       JobId after, std::uint32_t most) = 0;
  virtual Answer<std::vector<ProcessView>> processes(const Caller& caller,
                                                     JobId jid) = 0;
  /// The output of a detached job, open for reading.
  virtual Answer<Handle> open_log(const Caller& caller, JobId jid) = 0;

  virtual InstanceView instance() = 0;
  /// The part of the port that is about the accounting file.
  virtual AccountingControl& accounting() = 0;
  /// That for aggregate providers (core/provider_control.h).
  virtual ProviderControl& providers() = 0;
  /// Restarts supervisor and reaper in place; nothing is lost. The answer must
  /// be sent before the loop is entered again.
  virtual Answer<void> reexec(const Caller& caller) = 0;
  /// Ends every job, then the instance.
  virtual Answer<void> shut_down(const Caller& caller) = 0;

  /// At most one; null: none.
  virtual void set_observer(JobObserver* observer) = 0;
};

}  // namespace core
