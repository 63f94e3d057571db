// SPDX-License-Identifier: Apache-2.0
// PidNamespace: the engine pidns, seen from the scope. Scope and guard stay
// outside; a process that lives for a moment makes the namespace and, as
// siblings of its own (CLONE_PARENT), its init and the main process. So both
// are children of the scope, which gets the main process's exact status, and
// all pids that it knows are those outside. Everybody else inside falls to the
// init (namespace_init.h). The job is empty when the init has ended.
//
// Only corral-pidns makes one: elsewhere none of this is in the program.
#pragma once

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include "core/error.h"
#include "core/exit_record.h"
#include "core/ids.h"
#include "core/kill_plan.h"
#include "reaper/namespace_init.h"
#include "reaper/own_namespace.h"
#include "reaper/poll_set.h"
#include "reaper/say.h"
#include "reaper/spawn.h"
#include "sys/clone.h"
#include "sys/pid_fd.h"
#include "sys/pid_namespace.h"
#include "sys/unique_fd.h"
#include "sys/urgency.h"

namespace reaper {

class PidNamespace {
 public:
  /// What the init has told, if anything.
  enum class Heard : std::uint8_t { kNothing, kEnd, kSurvivors, kGone };

  /// Makes the namespace and the main process in it, like reaper::spawn().
  /// Errors: also those of unshare(2) and mount(2).
  [[nodiscard]] core::Result<Spawned> spawn(ChildPlan& plan, int cgroup) {
    int ends[2] = {-1, -1};
    constexpr int kKind = SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK;
    if (::socketpair(AF_UNIX, kKind, 0, ends) < 0)
      return core::fail(errno, "socketpair");
    socket_ = sys::UniqueFd(ends[0]);
    const sys::UniqueFd of_init(ends[1]);
    constexpr int kYes = 1;
    (void)::setsockopt(socket_.get(), SOL_SOCKET, SO_PASSCRED, &kYes,
                       sizeof kYes);
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
      return core::fail(errno, "pipe2");
    Spawned spawned = {
        .pid = {}, .pidfd = {}, .report = sys::UniqueFd(ends[0])};
    const sys::UniqueFd writing(ends[1]);
    plan.report = writing.get();
    const pid_t urgent = std::exchange(plan.urgent, 0);  // no number inside
    Birth birth = {.plan = plan,
                   .socket = of_init.get(),
                   .scope_socket = socket_.get(),
                   .cgroup = cgroup};
    TRY(make(birth));
    init_ = birth.init.pid;
    init_fd_ = std::move(birth.init.pidfd);
    if (!birth.result) {
      kill();
      return std::unexpected(std::move(birth.result).error());
    }
    if (urgent != 0) sys::become_urgent(urgent);
    spawned.pid = birth.main.pid;
    spawned.pidfd = std::move(birth.main.pidfd);
    return spawned;
  }

  /// -1: there is none, or it has gone.
  [[nodiscard]] int events() const { return socket_.get(); }
  [[nodiscard]] bool is_alive() const { return socket_.is_open(); }

  /// The kernel kills everybody in it.
  void kill() const {
    if (init_ != core::Pid())
      (void)sys::signal_child(init_fd_, init_, core::kSigkill);
  }

  /// Kills everybody but the init, which then tells of each; it goes too where
  /// it has told nothing since the last time.
  void kill_all() {
    const bool is_heard = std::exchange(is_heard_, false);
    if (!is_heard || !signal_all(core::kSigkill)) kill();
  }

  /// Sends a signal to everybody but the init; false: it cannot be told.
  [[nodiscard]] bool signal_all(core::SignalNumber signal) const {
    return send({.signal = signal.raw()});
  }

  /// The main process has ended, and was seen to: who it leaves behind has
  /// fallen to the init before.
  void tell_main_is_over() {
    is_deciding_ = send({.signal = NamespaceOrder::kMainIsOver});
  }
  /// Whether nobody knows yet if it leaves somebody behind.
  [[nodiscard]] bool is_deciding() const { return is_deciding_; }

  /// Hears the next word; with kEnd who ended is in `record`.
  [[nodiscard]] Heard hear(core::ExitRecord& record) {
    if (!is_alive()) return Heard::kNothing;
    NamespaceReport report;
    iovec part = {.iov_base = &report, .iov_len = sizeof report};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))] = {};
    msghdr message = {};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t size = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN) return Heard::kNothing;
    is_heard_ = true;
    is_deciding_ = is_deciding_ && size > 0 && report.is_end != 0;
    if (size <= 0) {
      socket_.reset();
      return Heard::kGone;
    }
    if (report.is_end == 0) return Heard::kSurvivors;
    record = report.record;
    record.pid = sender_of(message).raw();
    record.ppid = init_.raw();
    return Heard::kEnd;
  }

 private:
  static constexpr std::size_t kStackSize = std::size_t{256} * 1024;

  /// What the maker is told and what it tells, in the scope's memory.
  struct Birth {
    ChildPlan& plan;
    int socket;        ///< the init's end
    int scope_socket;  ///< and the scope's
    int cgroup;
    core::Result<void> result = {};
    sys::Cloned init = {};
    sys::Cloned main = {};
  };

  /// The scope waits for it as after vfork(2): it runs nothing but these few
  /// system calls, none of which anybody in the job can delay.
  [[nodiscard]] static core::Result<void> make(Birth& birth) {
    void* const stack = ::mmap(nullptr, kStackSize, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED) return core::fail(errno, "mmap");
    const AllSignalsBlocked blocked;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): clone(2) is so
    const int pid =
        ::clone(&run_maker, static_cast<char*>(stack) + kStackSize,
                CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, &birth);
    const int code = errno;
    if (pid > 0) (void)::waitpid(pid, nullptr, __WALL);
    (void)::munmap(stack, kStackSize);
    if (pid < 0) return core::fail(code, "clone");
    return {};
  }

  static int run_maker(void* context) {
    Birth& birth = *static_cast<Birth*>(context);
    birth.result = sys::unshare_pid_namespace();
    if (!birth.result) return 0;
    // The init is not in the job's cgroup: who freezes or kills the job by that
    // leaves it the one who tells of the dead.
    auto init = sys::clone_sibling(-1);
    if (init && init->pid == core::Pid()) NamespaceInit(birth.socket).run();
    if (!init) {
      birth.result = std::unexpected(std::move(init).error());
      return 0;
    }
    birth.init = std::move(*init);
    if (const int code = await_init(birth); code != 0)
      birth.result = core::fail(code, "mount", "/proc");
    else
      make_main(birth);
    return 0;
  }

  /// What the init tells first; ECHILD if it was killed before.
  static int await_init(const Birth& birth) {
    pollfd fds[] = {to_poll(birth.scope_socket, POLLIN),
                    to_poll(birth.init.pidfd.get(), POLLIN)};
    while (::poll(fds, 2, -1) < 0) {
    }
    int code = ECHILD;
    (void)!::read(birth.scope_socket, &code, sizeof code);
    return code;
  }

  static void make_main(Birth& birth) {
    auto main = sys::clone_sibling(birth.cgroup, birth.plan.pid);
    if (main && main->pid == core::Pid()) become(birth.plan, 0);
    if (main)
      birth.main = std::move(*main);
    else
      birth.result = std::unexpected(std::move(main).error());
  }

  [[nodiscard]] bool send(NamespaceOrder order) const {
    return is_alive() && ::send(socket_.get(), &order, sizeof order,
                                MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof order;
  }

  static core::Pid sender_of(msghdr& message) {
    ucred credentials = {};
    const cmsghdr* const header = CMSG_FIRSTHDR(&message);
    if (header != nullptr && header->cmsg_type == SCM_CREDENTIALS)
      std::memcpy(&credentials, CMSG_DATA(header), sizeof credentials);
    return core::Pid(credentials.pid);
  }

  sys::UniqueFd socket_;
  core::Pid& init_ = namespace_init;
  sys::PidFd init_fd_;
  bool is_deciding_ = false;
  bool is_heard_ = true;  ///< since it was last asked to kill
};

/// The scope's, in the program that makes one (kMakesNamespaces).
inline PidNamespace* own_namespace = nullptr;

/// As spawn(), in a namespace of its own if this program makes them; says why
/// there is none.
[[nodiscard]] inline core::Result<Spawned> spawn_contained(ChildPlan& plan,
                                                           int cgroup) {
  if (!kMakesNamespaces) return spawn(plan, cgroup);
  auto spawned = own_namespace->spawn(plan, cgroup);
  if (spawned) return spawned;
  Sentence text("the engine pidns cannot work here: ");
  say(text.append(spawned.error().message().view()).view());
  return spawned;
}

}  // namespace reaper
