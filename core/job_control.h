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

#include "core/authority.h"
#include "core/handle.h"
#include "core/ids.h"
#include "core/job_machine.h"
#include "core/job_spec.h"

namespace core {

/// Why the domain said no. Each has one D-Bus error name and one exit code
/// (bus/refusal_names.h).
enum class Refusal : std::uint8_t {
  kNoSuchJob,
  kNameTaken,  ///< a live job of this owner has the name
  kAccessDenied,
  kInvalid,       ///< the request contradicts itself; the text says how
  kNotSupported,  ///< the engine or the host cannot
  kSandboxed,     ///< a sandboxed caller asks for a detached job
  kNoSuchUser,
  kEnded,        ///< the job has ended
  kTooMany,      ///< a bound of the instance was reached
  kUnavailable,  ///< the reaper is away or the instance is going down
};

/// A refusal and the sentence for people: what, on what, what was expected.
struct Refused {
  Refusal why = Refusal::kInvalid;
  std::string text;
};

template <class T>
using Answer = std::expected<T, Refused>;

/// The descriptors that go with a request to create a job, all optional.
struct LaunchHandles {
  Handle standard_input;
  Handle standard_output;  ///< absent: the job's log
  Handle standard_error;   ///< absent: the job's log
};

/// A job that was made. For a foreground job `link` is the scope's end of its
/// link to the supervisor (reaper/protocol.h) and `container` the job's cgroup
/// directory (O_PATH), absent for the subreaper engine.
struct CreatedJob {
  JobId jid;
  Engine engine = Engine::kSubreaper;
  Handle link;
  Handle container;
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
};

struct ProcessView {
  Pid pid;
  Pid ppid;
  std::string command;  ///< /proc/PID/comm
  char state = '?';     ///< as in /proc/PID/stat
  std::uint64_t cpu_us = 0;
};

struct JobFilter {
  std::optional<Uid> owner;
  bool with_ended = false;
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
  std::string cgroup_base;  ///< empty: none
  std::string pacct;        ///< path of the accounting file
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
  /// The job has ended; it is remembered for a while.
  virtual void on_job_removed(const Job& job) = 0;
};

class JobControl {
 public:
  using CreateDone = std::function<void(Answer<CreatedJob>)>;
  using FreezeDone = std::function<void(Answer<void>)>;
  using WaitDone = std::function<void(Answer<JobView>)>;
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

  /// The end of the job by its kill plan, changed by this. Once it is answered
  /// no crash loses it.
  virtual Answer<void> end(const Caller& caller, JobId jid,
                           const KillPlanChange& change) = 0;

  /// Lets no process of the job run, or lets them all run again. Answers when
  /// they stand still or may run; kUnavailable if some do not stand still yet.
  virtual void freeze(const Caller& caller, JobId jid, bool freezes,
                      FreezeDone done) = 0;

  /// Answers when the job has ended (at once if it has). Returns 0 if it
  /// answered already, else a number for forget_wait().
  virtual WaitId wait(const Caller& caller, JobId jid, WaitDone done) = 0;
  virtual void forget_wait(WaitId id) = 0;

  virtual Answer<JobView> show(const Caller& caller, JobId jid) = 0;
  /// The youngest job with this name that the caller may see, live ones first.
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
  /// Restarts supervisor and reaper in place; nothing is lost. The answer must
  /// be sent before the loop is entered again.
  virtual Answer<void> reexec(const Caller& caller) = 0;
  /// Ends every job, then the instance.
  virtual Answer<void> shut_down(const Caller& caller) = 0;

  /// At most one; null: none.
  virtual void set_observer(JobObserver* observer) = 0;
};

}  // namespace core
