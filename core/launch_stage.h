// SPDX-License-Identifier: Apache-2.0
// The steps between clone and exec, and their names. Their order is that of
// kChildStages (reaper/child_setup.h); the numbers are older. A launch that
// fails or hangs is reported as {stage, errno}; the words are made here.
#pragma once

#include <cstdint>
#include <string_view>

namespace core {

enum class LaunchStage : std::uint8_t {
  kNone = 0,
  kDecode,   ///< the launch block is damaged (errno: EBADMSG)
  kClone,    ///< clone3(2): EAGAIN, ENOMEM, EBUSY, a removed cgroup
  kSession,  ///< setsid(2), setpgid(2)
  // 4 was the terminal's: the numbers are the journal's and the records'.
  kDescriptors = 5,  ///< dup2(2) to the target numbers
  kLimits,           ///< setrlimit(2)
  kSchedule,         ///< policy, nice, oom_score_adj, umask
  kDirectory,        ///< chdir(2), as the target user where one is named
  kGroups,           ///< setgroups(2), setgid(2)
  kUser,             ///< setuid(2)
  kPrivileges,       ///< prctl(PR_SET_NO_NEW_PRIVS)
  kSignals,          ///< sigprocmask(2)
  kExec,             ///< execve(2)
  kSupervisorGone,   ///< nobody was left to launch it
  kLast = kSupervisorGone,
};

constexpr std::string_view name_of(LaunchStage stage) {
  switch (stage) {
    case LaunchStage::kNone:
      return "none";
    case LaunchStage::kDecode:
      return "reading the launch block";
    case LaunchStage::kClone:
      return "creating the process";
    case LaunchStage::kSession:
      return "setting the session";
    case LaunchStage::kDescriptors:
      return "passing descriptors";
    case LaunchStage::kLimits:
      return "setting resource limits";
    case LaunchStage::kSchedule:
      return "setting priority and mask";
    case LaunchStage::kDirectory:
      return "changing the directory";
    case LaunchStage::kGroups:
      return "setting groups";
    case LaunchStage::kUser:
      return "setting the user";
    case LaunchStage::kPrivileges:
      return "dropping privileges";
    case LaunchStage::kSignals:
      return "setting the signal mask";
    case LaunchStage::kExec:
      return "executing the program";
    case LaunchStage::kSupervisorGone:
      return "waiting for a launcher that died";
  }
  return "unknown";
}

struct LaunchFailure {
  LaunchStage stage = LaunchStage::kNone;
  std::int32_t code = 0;  ///< errno; ETIME: no answer in time, killed there
};

}  // namespace core
