// SPDX-License-Identifier: Apache-2.0
// spawn: a ChildPlan becomes a process. It never waits for the child: how the
// set-up went is read later from the report pipe, whose reading end is ready
// when the child failed, execs or died.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <optional>

#include "core/ids.h"
#include "core/launch_stage.h"
#include "reaper/child_setup.h"
#include "sys/clone.h"
#include "sys/pid_fd.h"
#include "sys/signals.h"
#include "sys/unique_fd.h"

namespace reaper {

struct Spawned {
  core::Pid pid;
  sys::PidFd pidfd;
  sys::UniqueFd report;  ///< reading end, non-blocking
};

/// Blocks every signal for its lifetime: no handler of the parent's ever runs
/// in a child that has not yet set its own.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() = default;
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;
  ~AllSignalsBlocked() { (void)sys::set_signal_mask(before_); }

 private:
  sys::SignalSet before_ = sys::set_signal_mask(sys::SignalSet::all());
};

/// Starts the child in the cgroup directory `cgroup` (-1: in ours). The errors
/// are those of pipe2(2) and clone3(2), all of stage kClone. Sets plan.report.
[[nodiscard]] inline core::Result<Spawned> spawn(ChildPlan& plan, int cgroup) {
  int ends[2] = {-1, -1};
  if (::syscall(SYS_pipe2, ends, O_CLOEXEC | O_NONBLOCK) < 0)
    return core::fail(errno, "pipe2");
  sys::UniqueFd reading(ends[0]);
  const sys::UniqueFd writing(ends[1]);
  plan.report = writing.get();
  const AllSignalsBlocked blocked;
  const auto actions = plan.has(LaunchHeader::kKeepSignals)
                           ? sys::SignalActions::kKeep
                           : sys::SignalActions::kDefault;
  auto cloned = sys::clone_process(actions, cgroup, plan.pid);
  if (!cloned) return std::unexpected(std::move(cloned).error());
  if (cloned->pid == core::Pid()) become(plan, cloned->code);
  return Spawned{.pid = cloned->pid,
                 .pidfd = std::move(cloned->pidfd),
                 .report = std::move(reading)};
}

/// What the report pipe says so far.
enum class SetUp : std::uint8_t { kUnderWay, kDone, kFailed };

struct SetUpReport {
  SetUp state = SetUp::kUnderWay;
  core::LaunchFailure failure;  ///< with kFailed
};

[[nodiscard]] inline SetUpReport read_report(const sys::UniqueFd& report) {
  SetUpReport answer;
  const ssize_t size =
      ::read(report.get(), &answer.failure, sizeof answer.failure);
  if (size < 0) return {};  // EAGAIN: neither exec nor failure yet
  answer.state = size == sizeof answer.failure ? SetUp::kFailed : SetUp::kDone;
  return answer;
}

}  // namespace reaper
