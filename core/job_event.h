// SPDX-License-Identifier: Apache-2.0
// What can happen to a job (JobEvent) and what can be asked of the system for
// it (Effect). Events are what the journal holds: a job is a fold of its
// events. Effects are idempotent: after a crash they may be asked again.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "core/collector.h"
#include "core/containment.h"
#include "core/exit_record.h"
#include "core/followed.h"
#include "core/ids.h"
#include "core/job_peaks.h"
#include "core/job_spec.h"
#include "core/job_totals.h"
#include "core/launch_stage.h"
#include "core/limit_terms.h"
#include "core/limits.h"
#include "core/quantity.h"
#include "core/text.h"

namespace core {

enum class JobTimer : std::uint8_t {
  kLimit = 0,     ///< the earliest possible breach of a limit
  kKillPlan = 1,  ///< the next step of the kill plan
  kAttach = 2,    ///< the end of the wait for a first process
  kLast = kAttach,
};

namespace event {

/// A job was asked for and accepted.
struct Created {
  JobSpec spec;
  Uid owner;
  Engine engine = Engine::kSubreaper;
};
/// Its container exists (nothing to do for the subreaper engine), and who
/// counts its processes knows it.
struct ContainerMade {
  Collector collector = Collector::kWait;
};
struct ContainerFailed {
  Text<96> why;
};
/// The start-of-job record is on disk, or the disk refused and it is kept.
struct StartRecorded {};
/// The first process exists.
struct Launched {
  Pid pid;
};
struct LaunchFailed {
  LaunchFailure failure;
  Text<96> detail;
};
/// A process of the job was reaped by the reaper or by the job's scope.
struct ProcessExited {
  ExitRecord record;
};
/// The main process stopped or went on (job control).
struct MainStopped {
  bool is_stopped = false;
};
/// Whoever was to report the main process's end is gone.
struct ReaperLost {};
/// The end of the main process, learned after ReaperLost;
/// not `is_known`: nobody can tell.
struct MainStatusLearned {
  bool is_known = false;
  std::int32_t wait_status = 0;
};
/// The container was read: nothing lives in it.
struct Emptied {
  JobTotals totals;
  JobPeaks peaks;
};
/// The container was read: this many processes live in it. `names` holds some
/// of their names, separated by ", ".
struct Populated {
  std::uint32_t count = 0;
  Text<120> names;
};
/// Somebody asked for the job's end.
struct EndRequested {
  Uid by;
  Text<96> who;  ///< "uid 1000 (alice)", "its scope's death", "shutdown"
  KillPlan plan;
};
struct Signalled {
  Uid by;
  SignalNumber signal;
  SignalTarget target = SignalTarget::kAll;
  Pid group = {};  ///< of kGroup: its number
};
/// Somebody wants the job to stand still, or to go on.
struct FreezeRequested {
  Uid by;
  bool freezes = true;  ///< false: thaws
};
/// Every process of the job stands still, or not all did in time.
struct FreezeDone {
  bool is_frozen = false;
};
/// Other limits from now on.
struct LimitsChanged {
  Uid by;
  JobLimits limits;
  TermsList terms = {};
};
/// The processor time of the job was read; with the engine subreaper that of
/// its living processes, and of whom they waited for.
struct CpuRead {
  Microseconds used;
  std::uint32_t processors = 1;  ///< it cannot use more at a time
  bool is_still = false;         ///< a job around it is frozen
};
/// Whoever holds the limit saw that it was passed: the kernel, or the scope.
struct LimitPassed {
  LimitKind kind = LimitKind::kNone;
  Maybe<std::uint64_t> value;  ///< that it was found at; absent: its bound
  bool is_soft = false;        ///< it was the soft bound
};
struct TimerFired {
  JobTimer timer = JobTimer::kLimit;
};
/// A process that existed already is a member now.
struct Attached {
  Pid pid;
  Uid by;
  Text<16> command;    ///< its name, as in /proc/PID/comm
  std::string origin;  ///< its cgroup before, below the mount; empty: unknown
  /// How it is known where it is; without a beginning: it was moved instead.
  Followed followed = {};
};
/// A process that was followed has ended. Nobody of ours reaped it.
struct FollowedEnded {
  ExitRecord record;
  Maybe<CpuUse> used = {};  ///< in its whole life, if that was seen
};
/// A member was moved out, and lives on.
struct Detached {
  Pid pid;
  Uid by;
};
/// All members were moved out: the job is to end.
struct JobDetached {
  Uid by;
  std::uint32_t count = 0;
};
/// The session is over: who is left stays or is ended, as the job's spec says.
struct SessionClosed {
  Uid by;
};
/// The kernel's out-of-memory killer struck in the job's cgroup.
/// Kept for the journals of before: out of memory is told by Emptied's totals.
struct OutOfMemory {};
/// The end-of-job record is on disk, or the disk refused and it is kept.
struct EndRecorded {};
/// The container is gone.
struct ContainerRemoved {};
/// Who counted its processes is gone, with what nobody had read: from now on it
/// is who reaps them.
struct CollectorLost {};
/// Of an array: its next member is a job now.
struct MemberMade {
  JobId member;
};
/// Of an array: a member has ended; the code as a shell shows it.
struct MemberEnded {
  JobId member;
  std::uint8_t code = 0;
};
/// Of an array: the member of this index, which is not made yet, is not to be.
struct MemberDropped {
  Uid by;
  std::uint32_t index = 0;
};

}  // namespace event

using EventBody =
    std::variant<event::Created, event::ContainerMade, event::ContainerFailed,
                 event::StartRecorded, event::Launched, event::LaunchFailed,
                 event::ProcessExited, event::MainStopped, event::ReaperLost,
                 event::MainStatusLearned, event::Emptied, event::Populated,
                 event::EndRequested, event::Signalled, event::TimerFired,
                 event::OutOfMemory, event::EndRecorded,
                 event::ContainerRemoved, event::FreezeRequested,
                 event::FreezeDone, event::LimitsChanged, event::CpuRead,
                 event::LimitPassed, event::Attached, event::Detached,
                 event::JobDetached, event::SessionClosed, event::CollectorLost,
                 event::MemberMade, event::MemberEnded, event::MemberDropped,
                 event::FollowedEnded>;

struct JobEvent {
  JobId job;
  Moment when;
  EventBody body;
};

namespace effect {

struct MakeContainer {};
struct RecordStart {};
/// Detached: order the reaper to launch. Foreground: answer the caller, whose
/// scope launches.
struct Launch {};
struct Signal {
  SignalNumber signal;
  SignalTarget target = SignalTarget::kAll;
  Pid group = {};  ///< of kGroup
  /// SIGCONT follows: what is stopped would sleep through its grace.
  bool wakes = false;
};
/// Lets nothing of the job run, which FreezeDone answers, or lets it run again.
struct Freeze {
  bool freezes = true;
};
/// Have the kernel hold the job's limits of now, as far as it holds them.
struct HoldLimits {};
/// Read the processor time that the job used; answers with CpuRead.
struct ReadCpu {};
struct KillAll {};
struct FreezeAndKill {};
/// Read the container now; answers with Emptied or Populated.
struct Inspect {};
struct SetTimer {
  JobTimer timer = JobTimer::kLimit;
  BootTime deadline;
};
struct ClearTimer {
  JobTimer timer = JobTimer::kLimit;
};
struct RecordProcess {
  ExitRecord record;
};
struct RecordEnd {};
/// The limits that it has from now on.
struct RecordLimits {
  Uid by;
  Moment when;
};
struct RemoveContainer {};
/// Learn the end of a main process that nobody will report (its pidfd).
struct WatchMain {};
/// The main process is the job's no longer.
struct ForgetMain {};
/// Watch for the ends of those who are followed, and of nobody else any more.
struct WatchFollowed {};
/// Tell those who watch and wait.
struct Announce {};
/// Tell those who watch that a soft bound was passed.
struct TellLimit {
  LimitHit hit;
};
/// Of an array: make its next member, if it still wants one then.
struct MakeMember {};
/// Of an array: end those of its members that live.
struct EndMembers {};

}  // namespace effect

using Effect =
    std::variant<effect::MakeContainer, effect::RecordStart, effect::Launch,
                 effect::Signal, effect::Freeze, effect::HoldLimits,
                 effect::ReadCpu, effect::KillAll, effect::FreezeAndKill,
                 effect::Inspect, effect::SetTimer, effect::ClearTimer,
                 effect::RecordProcess, effect::RecordEnd, effect::RecordLimits,
                 effect::RemoveContainer, effect::WatchMain, effect::ForgetMain,
                 effect::Announce, effect::TellLimit, effect::MakeMember,
                 effect::EndMembers, effect::WatchFollowed>;

}  // namespace core
