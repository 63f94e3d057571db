// SPDX-License-Identifier: Apache-2.0
// dumb-init 1.2.5 (5ccca9c): options, environment, exit codes and messages are
// dumb-init's, and so is that the command starts with no signal blocked and
// none of 1 to 31 ignored. Unlike it we read nothing past a table when a
// real-time signal comes.
#pragma once

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "reaper/compat/numbers.h"
#include "reaper/compat/peer.h"

namespace reaper::compat {

namespace dumb_init {

enum Level : std::uint8_t { kError, kDebug };

inline constexpr const char* kVersion = "dumb-init v1.2.5\n"_packed;

// Its users compare this text, to the letter.
inline constexpr const char* kHelp =
    "Usage: %s [option] command [[arg] ...]\n"
    "\n"
    "dumb-init is a simple process supervisor that forwards signals to "
    "children.\n"
    "It is designed to run as PID1 in minimal container environments.\n"
    "\n"
    "Optional arguments:\n"
    "   -c, --single-child   Run in single-child mode.\n"
    "                        In this mode, signals are only proxied to the\n"
    "                        direct child and not any of its descendants.\n"
    "   -r, --rewrite s:r    Rewrite received signal s to new signal r before "
    "proxying.\n"
    "                        To ignore (not proxy) a signal, rewrite it to 0.\n"
    "                        This option can be specified multiple times.\n"
    "   -v, --verbose        Print debugging information to stderr.\n"
    "   -h, --help           Print this help message and exit.\n"
    "   -V, --version        Print the current version and exit.\n"
    "\n"
    "Full help is available online at https://github.com/Yelp/dumb-init\n"_packed;

inline int set_rewrite(Peer& peer, const char* text) {
  std::int64_t signal = 0;
  std::int64_t other = 0;
  bool is_read = scan_number(text, signal) && *text == ':';
  if (is_read) is_read = scan_number(++text, other);
  // sscanf(3) cuts what is too large for an int; so 4294967311 is TERM.
  const int from = static_cast<int>(signal);
  const int to = static_cast<int>(other);
  if (is_read && from > 0 && from < kRewritable && to >= 0 &&
      to < kRewritable) {
    peer.rewrites[from] = static_cast<std::uint8_t>(to + 1);
    return kGoOn;
  }
  peer.err.print(
      "Usage: -r option takes <signum>:<signum>, where <signum> is between 1 "
      "and 31.\n"
      "This option can be specified multiple times.\n"
      "Use --help for full usage.\n"_packed);
  return 1;
}

inline constexpr OptionRow kOptions[] = {
    {.letter = 'h',
     .name = "help",
     .set =
         [](Peer& peer, const char*) {
           peer.err.print(kVersion);
           peer.err.print(kHelp, peer.called);
           return 0;
         }},
    {.letter = 'c',
     .name = "single-child",
     .set =
         [](Peer& peer, const char*) {
           peer.signals_group = false;
           return kGoOn;
         }},
    {.letter = 'r', .takes_value = true, .name = "rewrite", .set = set_rewrite},
    {.letter = 'v',
     .name = "verbose",
     .set =
         [](Peer& peer, const char*) {
           peer.verbosity = kDebug;
           return kGoOn;
         }},
    {.letter = 'V',
     .name = "version",
     .set =
         [](Peer& peer, const char*) {
           peer.err.print(kVersion);
           return 0;
         }},
};

/// Whether the environment has `name` with exactly this value.
inline bool has_variable(const char* name, const char* value) {
  const char* const found = std::getenv(name);
  return found != nullptr && std::strcmp(found, value) == 0;
}

inline void read_environment(Peer& peer) {
  if (has_variable("DUMB_INIT_DEBUG", "1")) {
    peer.verbosity = kDebug;
    peer.tell(kDebug, "Running in debug mode."_packed);
  }
  if (has_variable("DUMB_INIT_SETSID", "0")) {
    peer.signals_group = false;
    peer.tell(kDebug, "Not running in setsid mode."_packed);
  }
  if (!peer.signals_group) return;
  for (const int number : {SIGTSTP, SIGTTOU, SIGTTIN})
    if (peer.rewrites[number] == 0) peer.rewrites[number] = SIGSTOP + 1;
}

/// Gives the terminal up, so that the child's session can have it.
inline void leave_terminal(Peer& peer) {
  if (::syscall(SYS_ioctl, STDIN_FILENO, TIOCNOTTY) < 0) {
    peer.tell(kDebug,
              "Unable to detach from controlling tty (errno=%d %m)."_packed,
              errno);
    return;
  }
  const bool was_leader = ::getsid(0) == ::getpid();
  // The kernel hangs up what a session's leader leaves, us among it.
  if (was_leader) peer.handed_over = bit_of(SIGHUP) | bit_of(SIGCONT);
  peer.tell(
      kDebug,
      was_leader
          ? "Detached from controlling tty, ignoring the first SIGHUP and SIGCONT we receive."_packed
          : "Detached from controlling tty, but was not session leader."_packed);
}

inline int prepare(Peer& peer) {
  read_environment(peer);
  peer.callers_mask = sys::SignalSet::none();  // the command gets none of it
  peer.callers_action = SIG_DFL;
  for (int number = 1; number < kRewritable; ++number)
    (void)::signal(number, SIG_DFL);  // not KILL, STOP
  if (peer.signals_group) leave_terminal(peer);
  return kGoOn;
}

inline int prepare_child(Peer& peer) {
  if (!peer.signals_group) return kGoOn;
  if (::setsid() < 0) {
    peer.tell(kError, "Unable to setsid (errno=%d %m). Exiting."_packed, errno);
    return 1;
  }
  if (::syscall(SYS_ioctl, STDIN_FILENO, TIOCSCTTY, 0) < 0)
    peer.tell(kDebug,
              "Unable to attach to controlling tty (errno=%d %m)."_packed,
              errno);
  peer.tell(kDebug, "setsid complete."_packed);
  return kGoOn;
}

inline void forward(Peer& peer, int signal) {
  const int rewrite = signal < kRewritable ? peer.rewrites[signal] : 0;
  if (rewrite != 0) {
    peer.tell(kDebug, "Translating signal %d to %d."_packed, signal,
              rewrite - 1);
    signal = rewrite - 1;
  }
  if (signal == 0) {
    peer.tell(kDebug, "Not forwarding signal 0 to children (ignored)."_packed);
    return;
  }
  (void)peer.pass_on(signal);
  peer.tell(kDebug, "Forwarded signal %d to children."_packed, signal);
}

/// Reaps what is dead, until the main child is.
inline int reap(Peer& peer) {
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    const bool is_exit = WIFEXITED(status);
    const int code = is_exit ? WEXITSTATUS(status) : WTERMSIG(status);
    peer.tell(kDebug,
              is_exit
                  ? "A child with PID %d exited with exit status %d."_packed
                  : "A child with PID %d was terminated by signal %d."_packed,
              pid, code);
    if (pid != peer.child) continue;
    const int shown = is_exit ? code : 128 + code;
    forward(peer, SIGTERM);
    peer.tell(kDebug, "Child exited with status %d. Goodbye."_packed, shown);
    return shown;
  }
  return kGoOn;
}

inline int handle(Peer& peer, int signal) {
  peer.tell(kDebug, "Received signal %d."_packed, signal);
  if ((peer.handed_over & bit_of(signal)) != 0) {
    peer.tell(kDebug, "Ignoring tty hand-off signal %d."_packed, signal);
    peer.handed_over &= ~bit_of(signal);
    return kGoOn;
  }
  if (signal == SIGCHLD) return reap(peer);
  forward(peer, signal);
  if (signal == SIGTSTP || signal == SIGTTOU || signal == SIGTTIN) {
    peer.tell(kDebug, "Suspending self due to TTY signal."_packed);
    (void)::kill(::getpid(), SIGSTOP);
  }
  return kGoOn;
}

inline void refuse(Peer& peer, bool lacks_command) {
  if (lacks_command)
    peer.err.print(
        "Usage: %s [option] program [args]\n"
        "Try %s --help for full usage.\n"_packed,
        peer.called, peer.called);
}

inline void started(Peer& peer, const char*) {
  peer.tell(kDebug, "Child spawned with PID %d."_packed, peer.child);
  if (::chdir("/") < 0)
    peer.tell(kDebug, "Unable to chdir(\"/\") (errno=%d %m)"_packed, errno);
}

}  // namespace dumb_init

inline constexpr Behaviour kDumbInit = {
    .prefix = "[dumb-init] ",
    .levels = {},
    .first_quiet = dumb_init::kDebug + 1,
    .usual_level = dumb_init::kError,
    .exec_level = dumb_init::kError,
    .not_found = 2,
    .denied = 2,
    .not_executed = 2,
    .signals_group = true,
    .exec_failed = "%s: %m",
    .awaited = kEverySignal,
    .options = {.rows = dumb_init::kOptions,
                .has_names = true,
                .is_anywhere = false},
    .begin = [](Peer&, int, char**) { return kGoOn; },
    .refuse = dumb_init::refuse,
    .prepare = dumb_init::prepare,
    .prepare_child = dumb_init::prepare_child,
    .fork_failed =
        [](Peer& peer) {
          peer.tell(dumb_init::kError, "Unable to fork. Exiting.");
          return 1;
        },
    .started = dumb_init::started,
    .handle = dumb_init::handle,
};

}  // namespace reaper::compat
