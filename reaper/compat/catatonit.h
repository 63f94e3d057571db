// SPDX-License-Identifier: Apache-2.0
// catatonit 0.2.1 (00f6c0f): options, environment, exit codes, messages and
// what the command finds are catatonit's. Unlike it, a caller who ignores
// SIGCHLD does not make us wait for ever, and no descriptor is open in us:
// where it reads a signalfd we wait for the same signals.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <limits>
#include <string_view>

#include "core/text.h"
#include "reaper/compat/numbers.h"
#include "reaper/compat/peer.h"

namespace reaper::compat {

namespace catatonit {

enum Level : std::uint8_t { kFatal, kError, kWarn, kInfo, kDebug };

inline constexpr const char* kUsage =
    "usage: catatonit [-ghLPV] [--] <progname> [<arguments>...]\n"_packed;

inline constexpr OptionRow kOptions[] = {
    {.letter = 'g',
     .set =
         [](Peer& peer, const char*) {
           peer.signals_group = true;
           return kGoOn;
         }},
    {.letter = 'h',
     .set =
         [](Peer& peer, const char*) {
           peer.err.print(kUsage);
           peer.err.print(
               "\n"
               "  -g  Send signals to the program's process group.\n"
               "  -h  Print this text.\n"
               "  -L  Print the license.\n"
               "  -P  Run no program; end on SIGINT or SIGTERM.\n"
               "  -V, --version  Print the version.\n"_packed);
           return 0;
         }},
    {.letter = 'L',
     .set =
         [](Peer& peer, const char*) {
           peer.out.print(
               "This is corral-init, standing in for catatonit.\n"
               "SPDX-License-Identifier: Apache-2.0\n"_packed);
           return 0;
         }},
    {.letter = 'P',
     .set =
         [](Peer& peer, const char*) {
           peer.has_no_child = true;
           return kGoOn;
         }},
    {.letter = 'V',
     .name = "version",
     .set =
         [](Peer& peer, const char*) {
           peer.out.print("tini version 0.2.1_catatonit\n"_packed);
           return 0;
         }},
};

/// The exit code that goes with an error.
inline int fail(Peer& peer, const char* format) {
  peer.tell(kError, format);
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
      peer.tell(kWarn, "LISTEN_PID has an invalid value"_packed);
    else if (pid == ::getppid())
      *entry = const_cast<char*>(
          text.append("LISTEN_PID=").append_number(::getpid()).c_str());
    return;
  }
}

/// A group of its own, in the foreground of the terminal if there is one.
inline int make_foreground(Peer& peer) {
  if (::setpgid(0, 0) < 0)
    return fail(peer, "failed to create process group"_packed);
  // Standard input may be something else than the terminal that we have.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the call is so
  int terminal = ::openat(AT_FDCWD, "/dev/tty", O_RDWR | O_CLOEXEC);
  if (terminal < 0) {
    peer.tell(kInfo,
              "using stdin as tty fd: could not open /dev/tty: %m"_packed);
    terminal = STDIN_FILENO;
  }
  const pid_t group = ::getpid();
  const bool is_ours = ::syscall(SYS_ioctl, terminal, TIOCSPGRP, &group) == 0;
  if (!is_ours && (errno == ENOTTY || errno == EBADF))
    peer.tell(kDebug,
              "setting foreground process failed: no tty present: %m"_packed);
  else if (!is_ours && errno == ENXIO)
    peer.tell(kDebug,
              "setting foreground process failed: no such device"_packed);
  else if (!is_ours)
    return fail(peer, "setting foreground process failed: %m"_packed);
  if (terminal != STDIN_FILENO) (void)::close(terminal);
  return kGoOn;
}

inline int prepare_child(Peer& peer) {
  static constinit core::Text<32> listen_pid;  // it outlives this function
  readdress_sockets(peer, listen_pid);
  if (const int code = make_foreground(peer); code != kGoOn) return code;
  for (const int number : {SIGTSTP, SIGTTOU, SIGTTIN})
    peer.callers_mask.add(core::SignalNumber(number));
  return kGoOn;
}

/// Our descriptors beside the standard ones are not to keep anything open.
inline void close_descriptors(Peer& peer) {
  constexpr int kFirst = 3;
  if (::syscall(SYS_close_range, kFirst, ~0U, 0) == 0) return;
  peer.tell(
      kDebug,
      "close_range() failed, fallback to close() each open FD: %m"_packed);
  constexpr int kUsualMost = 4096;
  for (int fd = kFirst; fd < kUsualMost; ++fd)
    (void)::close(fd);
}

/// Reaps all that is dead.
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
      peer.tell(kDebug,
                is_exit ? "child process %d exited with code %d"_packed
                        : "child process %d exited due to signal %d"_packed,
                pid, shown);
  }
  if (pid < 0)
    peer.tell(kDebug, "got ECHILD: no children left to monitor"_packed);
  return code;
}

inline int handle(Peer& peer, int signal) {
  switch (signal) {
    case SIGTSTP:
    case SIGTTOU:
    case SIGTTIN:
      peer.tell(
          kDebug,
          "ignoring kernel attempting to stop us: tty has TOSTOP set"_packed);
      return kGoOn;
    case SIGCHLD:
      return reap(peer);
    default:
      break;
  }
  if (peer.has_no_child)
    return signal == SIGTERM || signal == SIGINT ? 0 : kGoOn;
  if (peer.pass_on(signal) < 0)
    peer.tell(kWarn, "forwarding of signal %d to pid1 (%d) failed: %m"_packed,
              signal, peer.signals_group ? -peer.child : peer.child);
  return kGoOn;
}

inline int begin(Peer& peer, int, char**) {
  if (std::getenv("CATATONIT_DEBUG") != nullptr) peer.verbosity = kDebug;
  if (std::getenv("CATATONIT_LOG") == nullptr) return kGoOn;
  return fail(peer, "CATATONIT_LOG is reserved for future use"_packed);
}

inline void refuse(Peer& peer, bool lacks_command) {
  if (lacks_command) (void)fail(peer, "missing program name"_packed);
  peer.err.print(kUsage);
}

inline int prepare(Peer& peer) {
  if (::getpid() == 1 || ::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0) return kGoOn;
  return fail(peer, "failed to set child-reaper as non-pid1: %m"_packed);
}

inline int fork_failed(Peer& peer) {
  (void)fail(peer, "failed to fork child: %m"_packed);
  return fail(peer, "failed to spawn pid1: %m"_packed);
}

inline void started(Peer& peer, const char* command) {
  if (!peer.has_no_child)
    peer.tell(kDebug, "pid1 (%d) spawned: %s"_packed, peer.child, command);
  (void)!::chdir("/");  // what we were started in may be unmounted
  close_descriptors(peer);
}

}  // namespace catatonit

inline constexpr Behaviour kCatatonit = {
    .prefix = "%s (catatonit:%d): ",
    .levels = {"FATAL", "ERROR", "WARN", "INFO", "DEBUG"},
    .first_quiet = catatonit::kDebug + 1,
    .usual_level = catatonit::kError,
    .exec_level = catatonit::kError,
    .not_found = 1,
    .denied = 1,
    .not_executed = 1,
    .signals_group = false,
    .exec_failed = "failed to exec pid1: %m"_packed,
    .awaited = kEverySignalButFaults,
    .options = {.rows = catatonit::kOptions,
                .has_names = true,
                .is_anywhere = true},
    .begin = catatonit::begin,
    .refuse = catatonit::refuse,
    .prepare = catatonit::prepare,
    .prepare_child = catatonit::prepare_child,
    .fork_failed = catatonit::fork_failed,
    .started = catatonit::started,
    .handle = catatonit::handle,
};

}  // namespace reaper::compat
