// SPDX-License-Identifier: Apache-2.0
#include "supervisor/pinned_move.h"

#include <poll.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "supervisor/candidate.h"
#include "sys/collector_facts.h"
#include "sys/proc_files.h"

namespace supervisor {

namespace {

/// After so many seconds the tracer is ended by SIGALRM: whom it traces may
/// hold what it waits for (an exec that a file system does not answer).
constexpr unsigned kPatience = 2;
/// A millisecond apart.
constexpr int kMostTries = 20;

bool has_one_thread(core::Pid pid) {
  char buffer[2048];
  const auto text = sys::read_proc_file(pid, "status", buffer);
  auto numbers = sys::detail::line_of(text.value_or(""), "Threads:");
  return numbers && numbers->next() == 1;
}

/// A worker of a supervisor that has died may be at it still, for a moment.
/// Nobody tells when a tracer lets go.
int seize(core::Pid pid) {
  for (int tries = 1;; ++tries) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the call is so
    if (::ptrace(PTRACE_SEIZE, pid.raw(), nullptr, nullptr) == 0) return 0;
    if (errno != EPERM || tries == kMostTries) return errno;
    (void)::poll(nullptr, 0, 1);
  }
}

/// Traced and stopped: only SIGKILL moves it from there, and then it is a
/// zombie of ours. (Who is traced alone may go, where another thread of his
/// executes a program: that one takes the number, and nobody traces it.)
int pin(core::Pid pid) {
  if (const int code = seize(pid); code != 0) return code;
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the call is so
  if (::ptrace(PTRACE_INTERRUPT, pid.raw(), nullptr, nullptr) < 0) return errno;
  int status = 0;
  while (::waitpid(pid.raw(), &status, __WALL) < 0)
    if (errno != EINTR) return errno;
  return WIFSTOPPED(status) ? 0 : ESRCH;
}

/// What the tracer does; an errno.
int do_pinned(core::Pid pid, const sys::PidFd& pidfd,
              const ChildFacts& expected,
              const std::function<core::Result<void>()>& move) {
  (void)::alarm(kPatience);
  if (const int code = pin(pid); code != 0) return code;
  // It was alive after that, so it is it that is pinned.
  if (pidfd.has_exited()) return ESRCH;
  const auto stat = sys::read_proc_stat(pid);
  if (!stat || core::Pid(stat->ppid) != expected.parent ||
      !is_all_of(pid, expected.uid) || !has_one_thread(pid))
    return EPERM;
  const auto moved = move();
  return moved ? 0 : moved.error().code;
}

}  // namespace

bool can_pin() {
  constexpr unsigned kSysPtrace = 19;
  char buffer[8];
  return sys::detail::has_capability(sys::detail::effective_capabilities(),
                                     kSysPtrace) &&
         !sys::read_small_file("/proc/sys/kernel/yama/ptrace_scope", buffer)
              .value_or("0")
              .starts_with('3');
}

core::Result<void> move_pinned(
    core::Pid pid, const sys::PidFd& pidfd, const ChildFacts& expected,
    const std::function<core::Result<void>()>& move) {
  // A process of its own: its end lets go whatever the traced one does, who
  // need not stop for that.
  const pid_t tracer = ::fork();
  if (tracer < 0) return core::fail(errno, "fork");
  if (tracer == 0) ::_exit(do_pinned(pid, pidfd, expected, move));
  int status = 0;
  while (::waitpid(tracer, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status)) return core::fail(ETIME, "move process");
  if (WEXITSTATUS(status) != 0)
    return core::fail(WEXITSTATUS(status), "move process");
  return {};
}

}  // namespace supervisor
