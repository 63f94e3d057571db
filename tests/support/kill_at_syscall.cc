// SPDX-License-Identifier: Apache-2.0
// A tracer that ends a process between two system calls (ptrace(2)). It counts
// the system calls that the process completes from now on and sends SIGKILL as
// the Nth has returned, before the process runs one more instruction.
//
//   kill-at-syscall PID N
//
// Prints "ready" once it is attached, then "killed after CALL" (the number of
// the system call), or "ended COUNT" when the process ended by itself, or, at
// SIGTERM, "unreached COUNT", detached and harmless.
#include <elf.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

volatile sig_atomic_t must_stop = 0;
pid_t traced = 0;

/// A tracee that is stopped already stops once more when it goes on: wherever
/// the tracer is in its loop, its next waitpid(2) returns (ptrace(2)).
void ask_to_stop(int) {
  must_stop = 1;
  (void)::ptrace(PTRACE_INTERRUPT, traced, nullptr, nullptr);
}

/// PTRACE_GET_SYSCALL_INFO (Linux 5.3): no register of any architecture named.
bool is_exit_stop(pid_t pid, unsigned long long* number) {
  __ptrace_syscall_info info = {};
  if (::ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) < 0)
    return false;
  if (info.op == PTRACE_SYSCALL_INFO_ENTRY) *number = info.entry.nr;
  return info.op == PTRACE_SYSCALL_INFO_EXIT;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    (void)std::fprintf(stderr, "usage: %s PID N\n", argv[0]);
    return 2;
  }
  const auto pid = static_cast<pid_t>(std::atoi(argv[1]));
  const long wanted = std::atol(argv[2]);
  struct sigaction action = {};
  action.sa_handler = ask_to_stop;
  traced = pid;
  if (::ptrace(PTRACE_SEIZE, pid, nullptr, PTRACE_O_TRACESYSGOOD) < 0 ||
      ::ptrace(PTRACE_INTERRUPT, pid, nullptr, nullptr) < 0) {
    (void)std::fprintf(stderr, "cannot trace %d: %s\n", pid,
                       std::strerror(errno));
    return 1;
  }
  (void)::sigaction(SIGTERM, &action, nullptr);
  long count = 0;
  unsigned long long number = 0;
  bool was_announced = false;
  for (;;) {
    int status = 0;
    if (::waitpid(pid, &status, __WALL) < 0) {
      if (errno != EINTR) return 1;
      continue;
    }
    if (!WIFSTOPPED(status)) {
      (void)std::printf("ended %ld\n", count);
      return 0;
    }
    if (must_stop != 0) {
      (void)::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
      (void)std::printf("unreached %ld\n", count);
      return 0;
    }
    const int signal = WSTOPSIG(status);
    const bool is_call = signal == (SIGTRAP | 0x80);
    if (is_call && is_exit_stop(pid, &number) && ++count >= wanted) {
      (void)::kill(pid, SIGKILL);  // stopped and traced: it cannot be another
      (void)std::printf("killed after %llu\n", number);
      return 0;
    }
    const bool is_event = (status >> 16) != 0;
    const int deliver = is_call || is_event ? 0 : signal;
    (void)::ptrace(PTRACE_SYSCALL, pid, nullptr, deliver);
    if (!was_announced) {
      was_announced = true;
      (void)std::printf("ready\n");
      (void)std::fflush(stdout);
    }
  }
}
