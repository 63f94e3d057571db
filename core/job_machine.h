// SPDX-License-Identifier: Apache-2.0
// The job machine: the only place where a job's state changes.
//
//   state       means                               leaves it on
//   ---------   ---------------------------------   --------------------------
//   kPreparing  its container is being made         ContainerMade -> kOpening
//                                                   ContainerFailed -> kClosing
//   kOpening    its start is being recorded         StartRecorded -> kLaunching
//                                                   (no command: -> kRunning)
//                                                   (cancelled: -> kClosing)
//   kLaunching  its first process is being made     Launched -> kRunning
//                                                   LaunchFailed -> kEnding
//                                                   ReaperLost -> kEnding
//   kRunning    its main process lives, or others   main's end -> kEnding
//               do and it lingers, or it is held    (lingering: stays)
//                                                   Emptied -> kClosing
//   kEnding     its main process has ended; what    Emptied -> kClosing
//               is left is ended by the kill plan
//   kClosing    empty; its end is being recorded    EndRecorded -> kRemoving
//   kRemoving   its container is being removed      ContainerRemoved -> kEnded
//   kEnded      it is a fact of the past
//
// Invariants, held by tests/unit/core/job_machine_test.cc:
//  - A job ends when its container is empty, never earlier. Emptied is believed
//    in kEnding, and in kRunning once no status is owed; before that nothing
//    could be in it.
//  - The result is decided once, when the job becomes kClosing. Its cause is
//    the first of: launch failure, limit, out of memory, cancellation by
//    somebody; else the main process's status; else unknown.
//  - It ended with its last exit, if that was reported: nobody was found alive
//    after it, and who reports was never lost. Else when it was found empty.
//  - A frozen job is thawed before it is asked to end: it could not. Limits of
//    wall time run on while it is frozen.
//  - While a job with a limit of time runs, one timer stands at the earliest
//    possible breach of any, or a reading of its processor time was asked for.
//  - A soft bound is passed once: its signal is sent and it is told. Told again
//    only if it became another.
//  - A job without a command passes over kLaunching. It is held, lives although
//    it is empty, until its first process was attached, or, a session, until it
//    is closed or its leader ends; but not for ever without any process. To be
//    ended it needs no process.
//  - Who is followed (core/followed.h) is a member until his end was told: the
//    job is not empty before.
//  - A main process that was moved out is nobody's any more: it ends no job and
//    its status is not waited for.
//  - Every process reported gives one RecordProcess, whatever the state; but
//    none where the kernel makes the records of all that end in the job.
//  - An event that does not fit the state changes nothing and has no effect:
//    after a crash events may be seen twice.
//  - resume(job) gives again the effects that a job in this state waits for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/job_event.h"
#include "core/job_result.h"
#include "core/rare.h"

namespace core {

enum class JobState : std::uint8_t {
  kPreparing = 0,
  kOpening,
  kLaunching,
  kRunning,
  kEnding,
  kClosing,
  kRemoving,
  kEnded,
  kLast = kEnded,
};

constexpr std::string_view name_of(JobState state) {
  switch (state) {
    case JobState::kPreparing:
      return "preparing";
    case JobState::kOpening:
      return "opening";
    case JobState::kLaunching:
      return "launching";
    case JobState::kRunning:
      return "running";
    case JobState::kEnding:
      return "ending";
    case JobState::kClosing:
      return "closing";
    case JobState::kRemoving:
      return "removing";
    case JobState::kEnded:
      return "ended";
  }
  return "unknown";
}

/// Whether a job stands still by request (cgroup.freeze). A job that was
/// stopped by signals does not count: SIGCONT of anybody continues it.
enum class Freezing : std::uint8_t {
  kNo = 0,
  kAsked = 1,
  kPartly = 2,  ///< some of it has not come out of the kernel for a while
  kFrozen = 3,
  kAround = 4,  ///< told of a job: one around it is frozen, or is to be
  kLast = kAround,
};

/// systemd's words for a unit's FreezerState.
constexpr std::string_view name_of(Freezing freezing) {
  if (freezing == Freezing::kNo) return "running";
  if (freezing == Freezing::kAround) return "frozen-by-parent";
  return freezing == Freezing::kFrozen ? "frozen" : "freezing";
}

/// How far an array has come (core/array_machine.h).
struct ArrayProgress {
  std::uint32_t made = 0;    ///< or dropped: members, in the range's order
  std::uint32_t ended = 0;   ///< of those
  std::uint32_t failed = 0;  ///< of those: not with code 0
  std::uint8_t highest_code = 0;
  std::vector<JobId> open;             ///< made, and their ends not counted yet
  std::vector<std::uint32_t> dropped;  ///< indices that are not to be made
  friend bool operator==(const ArrayProgress&, const ArrayProgress&) = default;
};

struct Job {
  JobId jid;
  JobSpec spec;
  Uid owner;
  Engine engine = Engine::kSubreaper;
  JobState state = JobState::kPreparing;

  Moment created;
  Moment started;    ///< of the first process; zero before
  Moment ended;      ///< its last exit, or when it was found empty; zero before
  Moment last_exit;  ///< the latest of those reported
  BootTime populated;  ///< when somebody was last found alive in it

  std::optional<Pid> main;             ///< the first process; 0: pid lost
  std::optional<std::int32_t> status;  ///< of the main process, once it ended
  bool main_has_ended = false;
  bool main_is_stopped = false;
  bool reaper_was_lost = false;

  Freezing freezing = Freezing::kNo;

  Maybe<CpuReading> cpu;  ///< the last, where a limit asks for readings
  BootTime last_use;      ///< when processor time was last seen to be used
  /// Of those reported, with whom they waited for: of the living it is read.
  Microseconds exited_cpu;
  KillProgress kill;
  std::uint32_t stragglers = 0;  ///< alive when the main process ended
  Text<120> straggler_names;
  std::uint32_t processes_seen = 0;  ///< exits reported
  Rare<ExitRecord> main_exit;        ///< the main process's own record

  std::optional<LaunchFailure> launch_failure;
  std::optional<LimitHit> limit_hit;
  bool ran_out_of_memory = false;
  struct Cancelled {
    Uid by;
    Text<96> who;
    bool is_gave_up =
        false;  ///< the supervisor itself, for the reason in `who`
  };
  Rare<Cancelled> cancelled;
  Text<96> detail;

  JobTotals totals;  ///< once it is kClosing
  JobResult result;  ///< once it is kClosing

  std::uint32_t soft_passed = 0;  ///< kinds whose soft bound was (bit_of())
  bool is_held = false;           ///< it lives although it is empty
  /// What became of its main process, beside ending.
  enum class Departure : std::uint8_t {
    kNone = 0,
    kDetached = 1,
    kClosed = 2,  ///< the session was closed
    kLast = kClosed,
  };
  Departure departure = Departure::kNone;
  /// Of the first process that was attached: its cgroup before, below the
  /// mount.
  std::string origin;
  /// Who counts its processes.
  Collector collector = Collector::kWait;
  ArrayProgress progress;  ///< of an array
  Rare<FollowedProcesses> followed;
  Rare<JobPeaks> peaks;  ///< once it is kClosing
};

/// Whether it has members outside of its container.
inline bool has_followed(const Job& job) {
  return job.followed && !job.followed->living.empty();
}

/// Whether the end of its main process is still to come, and to be told.
inline bool owes_status(const Job& job) {
  return job.main.has_value() && !job.main_has_ended;
}

/// Whether the next process that is attached is its first.
inline bool lacks_first(const Job& job) {
  return !has_command(job.spec.kind) && !job.main;
}

/// Whether it waits for that one.
inline bool awaits_first(const Job& job) {
  return job.is_held && !job.main;
}
/// Whether it is a session that can be closed: also one whose leader was taken
/// out of it, which ends by itself when it is empty.
inline bool is_open_session(const Job& job) {
  return job.spec.kind == JobKind::kSession &&
         job.state == JobState::kRunning &&
         (job.is_held || job.departure == Job::Departure::kDetached);
}

/// How long it does.
inline constexpr Microseconds kAttachPatience = seconds(60);

struct Step {
  Job job;
  std::vector<Effect> effects;
};

/// The job that a Created event begins. Any other event here is a bug.
Step begin(const JobEvent& event);

/// What `event` makes of `job`, and what is to be done about it.
Step step(Job job, const JobEvent& event);

/// What a job in this state waits for, to be asked again after a crash.
std::vector<Effect> resume(const Job& job);

}  // namespace core
