// SPDX-License-Identifier: Apache-2.0
// The plain entrypoint, `corral-init [--] CMD`: what a container's PID 1 owes
// its command, and nothing that would have to be read, opened or set up first.
// It starts the command with exactly the caller's signals, descriptors and
// terminal, passes on every signal that can be caught, reaps whatever falls to
// it, and ends as the command ended, 128 + N for a signal.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>

#include "core/job_result.h"
#include "reaper/caller_signals.h"
#include "reaper/exec_search.h"
#include "reaper/launch_words.h"
#include "reaper/say.h"
#include "reaper/terminal.h"
#include "sys/clone.h"
#include "sys/signals.h"

namespace reaper {

namespace detail {

inline constexpr const char* kUsualPath = "/usr/local/bin:/bin:/usr/bin";

/// The PATH that the command is searched in; execvp(3) has a default too.
inline const char* search_path() {
  const char* const path = ::getenv("PATH");
  return path != nullptr ? path : kUsualPath;
}

[[noreturn]] inline void become_command(char** command,
                                        const CallerSignals& signals) {
  signals.restore();
  const char* const search = search_path();
  const core::LaunchFailure failure = {
      core::LaunchStage::kExec, execute_searching(command, ::environ, search)};
  say(sentence_of(failure, command[0], search).view());
  ::_exit(exit_code_of(failure));
}

/// A terminal signals its whole foreground group, and the command is in ours.
inline bool came_from_terminal(const siginfo_t& info) {
  if (info.si_code != SI_KERNEL) return false;
  switch (info.si_signo) {
    case SIGINT:
    case SIGQUIT:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
    case SIGWINCH:
      return true;
    default:
      return false;
  }
}

/// Reaps all that is dead. The wait status of `main` once it is among them.
inline std::optional<int> reap_dead(core::Pid main) {
  std::optional<int> result;
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;)
    if (pid == main.raw()) result = status;
  return result;
}

}  // namespace detail

/// Runs `command` (which ends with a null, and command[-1] is writable) and
/// returns the exit code.
[[nodiscard]] inline int run_entrypoint(char** command) {
  const CallerSignals signals = CallerSignals::take_over();
  if (::getpid() != 1) (void)::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const auto child = sys::clone_process(sys::SignalActions::kKeep, -1);
  if (!child) {
    say(child.error().message().view());
    return 125;
  }
  if (child->pid == core::Pid()) detail::become_command(command, signals);
  for (;;) {
    const auto signal = sys::wait_for_signal(sys::SignalSet::all());
    if (!signal) continue;
    if (signal->si_signo != SIGCHLD) {
      // It may have died meanwhile; its own SIGCHLD tells.
      if (!detail::came_from_terminal(*signal))
        (void)child->pidfd.signal(core::SignalNumber(signal->si_signo));
      continue;
    }
    if (const auto status = detail::reap_dead(child->pid))
      return core::status_is_exit(*status) ? core::exit_code_of(*status)
                                           : 128 + core::signal_of(*status);
    if (const auto stop = stop_of(child->pid)) stop_like(child->pid, *stop);
  }
}

}  // namespace reaper
