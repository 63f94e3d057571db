// SPDX-License-Identifier: Apache-2.0
// The init of a job's pid namespace (the engine pidns): a child of the scope,
// which reaps what falls to it inside and tells the scope of each end. It ends
// when the main process has, and nobody is left; when it is killed, or the
// scope was, the kernel kills everybody in the namespace and lets nobody be
// born there (pid_namespaces(7)). It has no heap and never waits for the scope.
#pragma once

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "core/exit_record.h"
#include "core/ids.h"
#include "reaper/own_name.h"
#include "reaper/poll_set.h"
#include "reaper/reap.h"
#include "sys/pid_namespace.h"
#include "sys/signals.h"
#include "sys/unique_fd.h"
#include "sys/urgency.h"

namespace reaper {

/// What the scope tells the init: a signal for everybody, or this.
struct NamespaceOrder {
  static constexpr std::int32_t kMainIsOver = 0;
  std::int32_t signal = kMainIsOver;
};

/// What the init tells the scope: who ended, as a message whose credentials
/// are of the dead (unix(7): the kernel translates the number), or, once the
/// main process is over, that others live.
struct NamespaceReport {
  std::uint32_t is_end = 0;
  core::ExitRecord record;
};

class NamespaceInit {
 public:
  /// `socket` stays open, whatever else the scope had.
  explicit NamespaceInit(int socket) : socket_(socket) {}

  [[noreturn]] void run() {
    prepare();
    // Its own /proc, before anybody needs it; only from inside is it allowed to
    // everybody. 0 or an errno is the first that is told.
    const auto mounted = sys::mount_own_proc();
    const int code = mounted ? 0 : mounted.error().code;
    (void)::send(socket_, &code, sizeof code, MSG_NOSIGNAL);
    for (;;) {
      const bool is_full = !reap();
      if (main_is_over_ && !has_children()) ::_exit(0);
      if (main_is_over_ && !is_said_ && !is_full)
        is_said_ = tell({}, core::Pid());
      wait_once(is_full);
    }
  }

 private:
  void prepare() {
    (void)::prctl(PR_SET_NAME, kNamespaceName);
    // Its death is the job's. (Where it was quicker, the socket's end tells.)
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)::syscall(SYS_close_range, 0, socket_ - 1, 0);
    (void)::syscall(SYS_close_range, socket_ + 1, ~0U, 0);
    (void)::setsid();
    (void)!::chdir("/");
    sys::become_urgent();
    const core::SignalNumber child(SIGCHLD);
    if (auto made = sys::make_signal_fd(sys::SignalSet::of(child)))
      signal_fd_ = std::move(*made);
  }

  void wait_once(bool is_full) {
    pollfd fds[] = {to_poll(signal_fd_.get(), POLLIN),
                    to_poll(socket_, static_cast<short>(
                                         is_full ? POLLIN | POLLOUT : POLLIN))};
    if (::poll(fds, 2, -1) <= 0) return;
    signalfd_siginfo info = {};
    (void)!::read(signal_fd_.get(), &info, sizeof info);
    if ((fds[1].revents & (POLLIN | POLLHUP)) != 0) hear();
  }

  void hear() {
    NamespaceOrder order;
    const ssize_t size = ::recv(socket_, &order, sizeof order, MSG_DONTWAIT);
    if (size == 0) ::_exit(1);  // the scope has gone
    if (size != sizeof order) return;
    if (order.signal == NamespaceOrder::kMainIsOver)
      main_is_over_ = true;
    else
      (void)::kill(-1, order.signal);  // all but us, under one lock
  }

  /// False: the scope has not read what it was told.
  [[nodiscard]] bool reap() {
    while (const auto child = peek_dead_child()) {
      if (!tell({.is_end = 1, .record = examine(*child)}, child->pid))
        return false;
      (void)take_dead_child(child->pid);
    }
    return true;
  }

  /// A zombie's number may be given as one's own by who is root here.
  [[nodiscard]] bool tell(NamespaceReport report, core::Pid of) const {
    iovec part = {.iov_base = &report, .iov_len = sizeof report};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))] = {};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (of != core::Pid()) {
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      cmsghdr* const header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_CREDENTIALS;
      header->cmsg_len = CMSG_LEN(sizeof(ucred));
      const ucred credentials = {
          .pid = of.raw(), .uid = ::geteuid(), .gid = ::getegid()};
      std::memcpy(CMSG_DATA(header), &credentials, sizeof credentials);
    }
    return ::sendmsg(socket_, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
           errno != EAGAIN;
  }

  const int socket_;
  sys::UniqueFd signal_fd_;
  bool main_is_over_ = false;
  bool is_said_ = false;  ///< that others live
};

}  // namespace reaper
