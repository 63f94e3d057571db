// SPDX-License-Identifier: Apache-2.0
// catatonit 0.2.1 (00f6c0f): options, environment, exit codes, messages and
// what the command finds are catatonit's. Unlike it, a caller who ignores
// SIGCHLD does not make us wait for ever, and no descriptor is open in us:
// where it reads a signalfd we wait for the same signals.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <limits>
#include <string_view>

#include "core/text.h"
#include "reaper/caller_signals.h"
#include "reaper/compat/getopt.h"
#include "reaper/compat/numbers.h"
#include "reaper/compat/peer.h"

namespace reaper::compat {

namespace catatonit {

enum Level : std::uint8_t { kFatal, kError, kWarn, kInfo, kDebug };

inline constexpr Voice kVoice = {
    .prefix = "%s (catatonit:%d): ",
    .levels = {"FATAL", "ERROR", "WARN", "INFO", "DEBUG"},
    .first_quiet = kDebug + 1};

inline constexpr const char* kUsage =
    "usage: catatonit [-ghLPV] [--] <progname> [<arguments>...]\n";

inline constexpr int kTerminalSignals[] = {SIGTSTP, SIGTTOU, SIGTTIN};

inline constexpr OptionRow kOptions[] = {
    {'g', false, nullptr,
     [](Peer& peer, const char*) {
       peer.signals_group = true;
       return kGoOn;
     }},
    {'h', false, nullptr,
     [](Peer& peer, const char*) {
       peer.err.print(kUsage);
       peer.err.print(
           "\n"
           "  -g  Send signals to the program's process group.\n"
           "  -h  Print this text.\n"
           "  -L  Print the license.\n"
           "  -P  Run no program; end on SIGINT or SIGTERM.\n"
           "  -V, --version  Print the version.\n");
       return 0;
     }},
    {'L', false, nullptr,
     [](Peer& peer, const char*) {
       peer.out.print(
           "This is corral-init, standing in for catatonit.\n"
           "SPDX-License-Identifier: Apache-2.0\n");
       return 0;
     }},
    {'P', false, nullptr,
     [](Peer& peer, const char*) {
       peer.has_no_child = true;
       return kGoOn;
     }},
    {'V', false, "version",
     [](Peer& peer, const char*) {
       peer.out.print("tini version 0.2.1_catatonit\n");
       return 0;
     }},
};

/// The exit code that goes with an error.
inline int refuse(Peer& peer, const char* format, const Filling& filling = {}) {
  tell(peer, kError, format, filling);
  return 1;
}

/// Sockets that were passed to us (sd_listen_fds(3)) are the command's. `text`
/// becomes part of the environment.
inline void readdress_sockets(Peer& peer, core::Text<32>& text) {
  for (char** entry = ::environ; *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with("LISTEN_PID=")) continue;
    std::int64_t pid = 0;
    const char* value = std::strchr(*entry, '=') + 1;
    (void)scan_number(value, pid);
    using Limits = std::numeric_limits<std::int64_t>;
    if (pid == Limits::max() || pid == Limits::min())
      tell(peer, kWarn, "LISTEN_PID has an invalid value");
    else if (pid == ::getppid())
      *entry = const_cast<char*>(text.append_number(::getpid()).c_str());
    return;
  }
}

/// A group of its own, in the foreground of the terminal if there is one.
/// Nonzero: it failed, and that was said.
inline int make_foreground(Peer& peer) {
  if (::setpgid(0, 0) < 0)
    return refuse(peer, "failed to create process group");
  // Standard input may be something else than the terminal that we have.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the call is so
  int terminal = ::open("/dev/tty", O_RDWR | O_CLOEXEC);
  if (terminal < 0) {
    tell(peer, kInfo, "using stdin as tty fd: could not open /dev/tty: %m");
    terminal = STDIN_FILENO;
  }
  const bool is_ours = ::tcsetpgrp(terminal, ::getpgrp()) == 0;
  if (!is_ours && (errno == ENOTTY || errno == EBADF))
    tell(peer, kDebug, "setting foreground process failed: no tty present: %m");
  else if (!is_ours && errno == ENXIO)
    tell(peer, kDebug, "setting foreground process failed: no such device");
  else if (!is_ours)
    return refuse(peer, "setting foreground process failed: %m");
  if (terminal != STDIN_FILENO) (void)::close(terminal);
  return 0;
}

/// The exit code of a child that could not become the command.
inline int become_command(Peer& peer, char** command, CallerSignals& signals) {
  core::Text<32> listen_pid("LISTEN_PID=");
  readdress_sockets(peer, listen_pid);
  if (make_foreground(peer) != 0) return 1;
  for (const int number : kTerminalSignals)
    signals.block(core::SignalNumber(number));
  signals.restore();
  execute_as_execvp(command);
  return refuse(peer, "failed to exec pid1: %m");
}

/// Our descriptors beside the standard ones are not to keep anything open.
inline void close_descriptors(Peer& peer) {
  constexpr int kFirst = 3;
  if (::syscall(SYS_close_range, kFirst, ~0U, 0) == 0) return;
  tell(peer, kDebug,
       "close_range() failed, fallback to close() each open FD: %m");
  constexpr int kUsualMost = 4096;
  for (int fd = kFirst; fd < kUsualMost; ++fd)
    (void)::close(fd);
}

/// Reaps all that is dead; the exit code if the main child was among them.
inline int reap(Peer& peer) {
  int code = kGoOn;
  int status = 0;
  pid_t pid = 0;
  while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0) {
    const bool is_exit = WIFEXITED(status);
    const int shown = is_exit ? WEXITSTATUS(status) : WTERMSIG(status);
    if (pid == peer.child)
      code = is_exit ? shown : 128 + shown;
    else
      tell(peer, kDebug,
           is_exit ? "child process %d exited with code %d"
                   : "child process %d exited due to signal %d",
           {"", pid, shown});
  }
  if (pid < 0) tell(peer, kDebug, "got ECHILD: no children left to monitor");
  return code;
}

/// An exit code or kGoOn.
inline int handle_signal(Peer& peer, int signal) {
  switch (signal) {
    case SIGTSTP:
    case SIGTTOU:
    case SIGTTIN:
      tell(peer, kDebug,
           "ignoring kernel attempting to stop us: tty has TOSTOP set");
      return kGoOn;
    case SIGCHLD:
      return reap(peer);
    default:
      break;
  }
  if (peer.has_no_child)
    return signal == SIGTERM || signal == SIGINT ? 0 : kGoOn;
  if (pass_on(peer, signal) < 0)
    tell(peer, kWarn, "forwarding of signal %d to pid1 (%d) failed: %m",
         {"", signal, peer.signals_group ? -peer.child : peer.child});
  return kGoOn;
}

inline int supervise(Peer& peer) {
  (void)!::chdir("/");  // what we were started in may be unmounted
  close_descriptors(peer);
  for (int code = kGoOn;;) {
    const auto signal = sys::wait_for_signal(every_signal_but_faults());
    if (signal) code = handle_signal(peer, signal->si_signo);
    if (code != kGoOn) return code;
  }
}

}  // namespace catatonit

/// What `catatonit ARGUMENTS` does; the exit code, of the child's process too.
[[nodiscard]] inline int run_catatonit(int, char** argv) {
  using namespace catatonit;
  Peer peer(argv[0], kVoice, kError);
  if (std::getenv("CATATONIT_DEBUG") != nullptr) peer.verbosity = kDebug;
  if (std::getenv("CATATONIT_LOG") != nullptr)
    return refuse(peer, "CATATONIT_LOG is reserved for future use");
  const int code = read_options(
      peer, {.rows = kOptions, .has_names = true, .is_anywhere = true}, argv);
  char** const command = argv + 1;
  const bool lacks_command =
      code == kGoOn && *command == nullptr && !peer.has_no_child;
  if (lacks_command) (void)refuse(peer, "missing program name");
  if (lacks_command || code == kUnusable) {
    peer.err.print(kUsage);
    return 1;
  }
  if (code != kGoOn) return code;
  CallerSignals signals = CallerSignals::take_over();
  (void)sys::set_signal_mask(every_signal_but_faults());
  if (::getpid() != 1 && ::prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
    return refuse(peer, "failed to set child-reaper as non-pid1: %m");
  if (!peer.has_no_child) {
    peer.child = ::_Fork();
    if (peer.child == 0) return become_command(peer, command, signals);
    if (peer.child < 0) {
      tell(peer, kError, "failed to fork child: %m");
      return refuse(peer, "failed to spawn pid1: %m");
    }
    tell(peer, kDebug, "pid1 (%d) spawned: %s", {command[0], peer.child});
  }
  return supervise(peer);
}

}  // namespace reaper::compat
