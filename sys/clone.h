// SPDX-License-Identifier: Apache-2.0
// One new process with its pidfd, born in its cgroup with default signal
// actions: clone3(2). Never with the parent's memory (CLONE_VM, CLONE_VFORK):
// a parent that waits in vfork stays blocked while its child is stopped,
// frozen or hung in exec. Where the kernel or a seccomp filter has no clone3,
// the same by fork(2), pidfd_open(2) and steps that the child takes itself;
// where it has no pidfd_open either, there is no pidfd (see signal_child()).
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "core/ids.h"
#include "sys/pid_fd.h"
#include "sys/signals.h"
#include "sys/unique_fd.h"

namespace sys {

/// struct clone_args of linux/sched.h, up to `cgroup` (Linux 5.7).
struct CloneArguments {
  std::uint64_t flags = 0;
  std::uint64_t pidfd = 0;
  std::uint64_t child_tid = 0;
  std::uint64_t parent_tid = 0;
  std::uint64_t exit_signal = 0;
  std::uint64_t stack = 0;
  std::uint64_t stack_size = 0;
  std::uint64_t tls = 0;
  std::uint64_t set_tid = 0;
  std::uint64_t set_tid_size = 0;
  std::uint64_t cgroup = 0;
};
static_assert(sizeof(CloneArguments) == 88);

inline constexpr std::uint64_t kClonePidFd = 0x00001000ULL;
inline constexpr std::uint64_t kCloneParent = 0x00008000ULL;
inline constexpr std::uint64_t kCloneParentSetTid = 0x00100000ULL;
inline constexpr std::uint64_t kCloneClearSignals = 0x100000000ULL;
inline constexpr std::uint64_t kCloneIntoCgroup = 0x200000000ULL;

enum class SignalActions : std::uint8_t { kKeep, kDefault };

/// In the child `pid` is 0; `code` is the errno of a step that the child had to
/// take itself (the fallback's), 0 if there was none.
struct Cloned {
  core::Pid pid;
  PidFd pidfd;
  int code = 0;
};

namespace detail {

/// Puts the caller into a cgroup (cgroup-v2.rst, "Threads" excepted).
inline int join_cgroup(int directory) {
  const auto procs = open_at(directory, "cgroup.procs", O_WRONLY);
  if (!procs) return procs.error().code;
  return ::write(procs->get(), "0", 1) < 0 ? errno : 0;
}

/// ENOSYS: no clone3. EPERM: so say older seccomp filters of containers.
/// EINVAL, E2BIG: a kernel before these flags (5.3 to 5.6).
inline bool lacks_clone3(int code) {
  return code == ENOSYS || code == EPERM || code == EINVAL || code == E2BIG;
}

/// The bare system call: there are no threads whose locks a C library's own
/// fork would have to take. On some machines clone(2) has its flags elsewhere;
/// those have fork(2).
inline long fork_only() {
#ifdef SYS_fork
  return ::syscall(SYS_fork);
#else
  return ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
#endif
}

[[nodiscard]] inline core::Result<Cloned> clone_by_fork(SignalActions actions,
                                                        int cgroup) {
  const auto pid = static_cast<pid_t>(fork_only());
  if (pid < 0) return core::fail(errno, "fork");
  if (pid == 0) {
    if (actions == SignalActions::kDefault) set_default_actions();
    return Cloned{
        .pid = {}, .pidfd = {}, .code = cgroup >= 0 ? join_cgroup(cgroup) : 0};
  }
  // Our own child that nobody has waited for: the pid is still its own.
  auto pidfd = PidFd::open(core::Pid(pid));
  return Cloned{.pid = core::Pid(pid),
                .pidfd = pidfd ? std::move(*pidfd) : PidFd(),
                .code = 0};
}

/// What clone3(2) is asked; the kernel writes to `pidfd`, and to `pid_at`.
inline CloneArguments arguments_for(std::uint64_t flags, int& pidfd, int cgroup,
                                    core::Pid* pid_at) {
  CloneArguments arguments;
  arguments.flags = kClonePidFd | flags;
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  if (pid_at != nullptr) {
    static_assert(sizeof(core::Pid) == sizeof(pid_t));
    arguments.flags |= kCloneParentSetTid;
    arguments.parent_tid = reinterpret_cast<std::uintptr_t>(pid_at);
  }
  if (cgroup >= 0) {
    arguments.flags |= kCloneIntoCgroup;
    arguments.cgroup = static_cast<std::uint64_t>(cgroup);
  }
  return arguments;
}

/// What came of it, in parent and child.
inline core::Result<Cloned> cloned_as(long pid, int pidfd) {
  if (pid < 0) return core::fail(errno, "clone3");
  if (pid == 0) return Cloned{};
  return Cloned{.pid = core::Pid(static_cast<std::int32_t>(pid)),
                .pidfd = PidFd(UniqueFd(pidfd)),
                .code = 0};
}

}  // namespace detail

/// `cgroup` is a cgroup's directory or -1. Errors: EAGAIN, ENOMEM, EMFILE,
/// ENODEV or ENOENT for a removed cgroup, EACCES.
/// With `pid_at` the kernel writes the child's there before the child runs.
[[nodiscard]] inline core::Result<Cloned> clone_process(
    SignalActions actions, int cgroup, core::Pid* pid_at = nullptr) {
  int pidfd = -1;
  CloneArguments arguments = detail::arguments_for(
      actions == SignalActions::kDefault ? kCloneClearSignals : 0, pidfd,
      cgroup, pid_at);
  arguments.exit_signal = SIGCHLD;
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0 && detail::lacks_clone3(errno))
    return detail::clone_by_fork(actions, cgroup);
  return detail::cloned_as(pid, pidfd);
}

/// A sibling: a child of our parent's, who is told of its end as he is of ours
/// (CLONE_PARENT). Signal actions are kept; there is no fallback.
[[nodiscard]] inline core::Result<Cloned> clone_sibling(
    int cgroup, core::Pid* pid_at = nullptr) {
  int pidfd = -1;
  const CloneArguments arguments =
      detail::arguments_for(kCloneParent, pidfd, cgroup, pid_at);
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  return detail::cloned_as(pid, pidfd);
}

}  // namespace sys
