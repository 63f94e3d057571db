// SPDX-License-Identifier: Apache-2.0
// PidFd: a reference to a process that cannot be mistaken for a later process
// of the same number (pidfd_open(2)).
#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cstdint>
#include <optional>

#include "core/ids.h"
#include "sys/kernel_version.h"
#include "sys/unique_fd.h"

namespace sys {

/// struct pidfd_info of linux/pidfd.h (6.13; exit codes 6.15), which Debian
/// 12's headers lack: 64 bytes, the size of its first version.
struct PidFdInfo {
  std::uint64_t mask = 0;
  std::uint64_t cgroup_id = 0;
  std::uint32_t pid = 0, tgid = 0, ppid = 0;
  std::uint32_t ruid = 0, rgid = 0, euid = 0, egid = 0;
  std::uint32_t suid = 0, sgid = 0, fsuid = 0, fsgid = 0;
  std::int32_t exit_code = 0;
};
static_assert(sizeof(PidFdInfo) == 64);
inline constexpr std::uint64_t kPidFdInfoExit = 1U << 3;

/// The wait(2) status of a pidfd's process, once it was reaped by its parent,
/// where the kernel keeps it (Linux 6.15); absent elsewhere and before.
[[nodiscard]] inline std::optional<std::int32_t> exit_status_of(int pidfd) {
  PidFdInfo info;
  info.mask = kPidFdInfoExit;
  constexpr unsigned long kGetInfo = _IOWR(0xFF, 11, PidFdInfo);
  if (::syscall(SYS_ioctl, pidfd, kGetInfo, &info) < 0) return std::nullopt;
  if ((info.mask & kPidFdInfoExit) == 0) return std::nullopt;
  return info.exit_code;
}

/// Whether this kernel does.
[[nodiscard]] inline bool keeps_exit_statuses() {
  return kernel_is_at_least(6, 15);
}

/// Signals a pidfd's process. Errors: ESRCH once it was reaped, EPERM.
[[nodiscard]] inline core::Result<void> signal_process(
    int pidfd, core::SignalNumber number) {
  if (::syscall(SYS_pidfd_send_signal, pidfd, number.raw(), nullptr, 0) < 0)
    return core::fail(errno, "pidfd_send_signal");
  return {};
}

class PidFd {
 public:
  PidFd() = default;
  explicit PidFd(UniqueFd fd) : fd_(std::move(fd)) {}

  [[nodiscard]] static core::Result<PidFd> open(core::Pid pid) {
    const long fd = ::syscall(SYS_pidfd_open, pid.raw(), 0);
    if (fd < 0) return core::fail(errno, "pidfd_open");
    return PidFd(UniqueFd(static_cast<int>(fd)));
  }

  /// Who made the connection that a socket of AF_UNIX has (unix(7),
  /// SO_PEERPIDFD, Linux 6.5). Errors: ENOPROTOOPT before that; ESRCH, EINVAL
  /// once it was reaped.
  [[nodiscard]] static core::Result<PidFd> of_peer(int socket) {
    constexpr int kPeerPidFd = 77;  // Debian 12's headers lack it
    int fd = -1;
    socklen_t size = sizeof fd;
    if (::getsockopt(socket, SOL_SOCKET, kPeerPidFd, &fd, &size) < 0)
      return core::fail(errno, "getsockopt(SO_PEERPIDFD)");
    return PidFd(UniqueFd(fd));
  }

  [[nodiscard]] int get() const { return fd_.get(); }
  [[nodiscard]] bool is_open() const { return fd_.is_open(); }
  [[nodiscard]] const UniqueFd& descriptor() const { return fd_; }
  [[nodiscard]] UniqueFd release() && { return std::move(fd_); }

  /// See signal_process().
  [[nodiscard]] core::Result<void> signal(core::SignalNumber number) const {
    return signal_process(fd_.get(), number);
  }

  /// Whether it has exited (a zombie has).
  [[nodiscard]] bool has_exited() const {
    pollfd poll = {.fd = fd_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&poll, 1, 0) == 1;
  }

 private:
  UniqueFd fd_;
};

/// Signals a child of ours that nobody has waited for, whose number therefore
/// is still its own: where there are no pidfds (before Linux 5.3, or behind a
/// seccomp filter) the number will do. Errors: ESRCH (also for no pid), EPERM.
[[nodiscard]] inline core::Result<void> signal_child(
    const PidFd& pidfd, core::Pid pid, core::SignalNumber number) {
  if (pidfd.is_open()) {
    auto sent = pidfd.signal(number);
    if (sent || sent.error().code == ESRCH) return sent;
  }
  // kill(2) takes 0 and less for whole groups and for everybody.
  if (pid.raw() <= 0) return core::fail(ESRCH, "kill");
  if (::kill(pid.raw(), number.raw()) < 0) return core::fail(errno, "kill");
  return {};
}

}  // namespace sys
