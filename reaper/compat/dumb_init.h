// SPDX-License-Identifier: Apache-2.0
// dumb-init 1.2.5 (5ccca9c): options, environment, exit codes and messages are
// dumb-init's, and so is that the command starts with no signal blocked and
// none of 1 to 31 ignored. Unlike it we read nothing past a table when a
// real-time signal comes.
#pragma once

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <optional>

#include "reaper/compat/getopt.h"
#include "reaper/compat/numbers.h"
#include "reaper/compat/peer.h"

namespace reaper::compat {

namespace dumb_init {

enum Level : std::uint8_t { kError, kDebug };

inline constexpr Voice kVoice = {
    .prefix = "[dumb-init] ", .levels = {}, .first_quiet = kDebug + 1};

inline constexpr const char* kVersion = "dumb-init v1.2.5\n";

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
    "Full help is available online at https://github.com/Yelp/dumb-init\n";

inline int set_rewrite(Peer& peer, const char* text) {
  std::int64_t signal = 0;
  std::int64_t other = 0;
  const bool is_read =
      scan_number(text, signal) && *text++ == ':' && scan_number(text, other);
  // sscanf(3) cuts what is too large for an int; so 4294967311 is TERM.
  const int from = static_cast<int>(signal);
  const int to = static_cast<int>(other);
  if (is_read && from > 0 && from < kRewritable && to >= 0 &&
      to < kRewritable) {
    peer.rewrites[from] = static_cast<std::int8_t>(to);
    return kGoOn;
  }
  peer.err.print(
      "Usage: -r option takes <signum>:<signum>, where <signum> is between 1 "
      "and 31.\n"
      "This option can be specified multiple times.\n"
      "Use --help for full usage.\n");
  return 1;
}

inline constexpr OptionRow kOptions[] = {
    {'h', false, "help",
     [](Peer& peer, const char*) {
       peer.err.print(kVersion);
       peer.err.print(kHelp, {peer.called});
       return 0;
     }},
    {'c', false, "single-child",
     [](Peer& peer, const char*) {
       peer.signals_group = false;
       return kGoOn;
     }},
    {'r', true, "rewrite", set_rewrite},
    {'v', false, "verbose",
     [](Peer& peer, const char*) {
       peer.verbosity = kDebug;
       return kGoOn;
     }},
    {'V', false, "version",
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
    tell(peer, kDebug, "Running in debug mode.");
  }
  if (has_variable("DUMB_INIT_SETSID", "0")) {
    peer.signals_group = false;
    tell(peer, kDebug, "Not running in setsid mode.");
  }
  if (!peer.signals_group) return;
  for (const int number : {SIGTSTP, SIGTTOU, SIGTTIN})
    if (peer.rewrites[number] == kAsItIs) peer.rewrites[number] = SIGSTOP;
}

constexpr std::uint64_t bit_of(int signal) {
  return std::uint64_t{1} << static_cast<unsigned>(signal - 1);
}

/// Gives the terminal up, so that the child's session can have it.
inline void leave_terminal(Peer& peer) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the call is so
  if (::ioctl(STDIN_FILENO, TIOCNOTTY) < 0) {
    tell(peer, kDebug, "Unable to detach from controlling tty (errno=%d %m).",
         {"", errno});
    return;
  }
  const bool was_leader = ::getsid(0) == ::getpid();
  // The kernel hangs up what a session's leader leaves, us among it.
  if (was_leader) peer.handed_over_once = bit_of(SIGHUP) | bit_of(SIGCONT);
  tell(peer, kDebug, "Detached from controlling tty, %s",
       {was_leader ? "ignoring the first SIGHUP and SIGCONT we receive."
                   : "but was not session leader."});
}

/// The exit code of a child that could not become the command.
inline int become_command(Peer& peer, char** command) {
  (void)sys::set_signal_mask(sys::SignalSet::none());
  if (peer.signals_group) {
    if (::setsid() < 0) {
      tell(peer, kError, "Unable to setsid (errno=%d %m). Exiting.",
           {"", errno});
      return 1;
    }
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the call is so
    if (::ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
      tell(peer, kDebug, "Unable to attach to controlling tty (errno=%d %m).",
           {"", errno});
    tell(peer, kDebug, "setsid complete.");
  }
  execute_as_execvp(command);
  tell(peer, kError, "%s: %m", {command[0]});
  return 2;
}

inline void forward(Peer& peer, int signal) {
  const int other = signal < kRewritable ? peer.rewrites[signal] : int{kAsItIs};
  if (other != kAsItIs) {
    tell(peer, kDebug, "Translating signal %d to %d.", {"", signal, other});
    signal = other;
  }
  if (signal == 0) {
    tell(peer, kDebug, "Not forwarding signal 0 to children (ignored).");
    return;
  }
  (void)pass_on(peer, signal);
  tell(peer, kDebug, "Forwarded signal %d to children.", {"", signal});
}

/// Reaps what is dead; the exit code once the main child is reaped.
inline std::optional<int> reap(Peer& peer) {
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    const bool is_exit = WIFEXITED(status);
    const int code = is_exit ? WEXITSTATUS(status) : WTERMSIG(status);
    tell(peer, kDebug,
         is_exit ? "A child with PID %d exited with exit status %d."
                 : "A child with PID %d was terminated by signal %d.",
         {"", pid, code});
    if (pid != peer.child) continue;
    const int shown = is_exit ? code : 128 + code;
    forward(peer, SIGTERM);
    tell(peer, kDebug, "Child exited with status %d. Goodbye.", {"", shown});
    return shown;
  }
  return std::nullopt;
}

/// The exit code if that was the end.
inline std::optional<int> handle_signal(Peer& peer, int signal) {
  tell(peer, kDebug, "Received signal %d.", {"", signal});
  if ((peer.handed_over_once & bit_of(signal)) != 0) {
    tell(peer, kDebug, "Ignoring tty hand-off signal %d.", {"", signal});
    peer.handed_over_once &= ~bit_of(signal);
    return std::nullopt;
  }
  if (signal == SIGCHLD) return reap(peer);
  forward(peer, signal);
  if (signal == SIGTSTP || signal == SIGTTOU || signal == SIGTTIN) {
    tell(peer, kDebug, "Suspending self due to TTY signal.");
    (void)::kill(::getpid(), SIGSTOP);
  }
  return std::nullopt;
}

}  // namespace dumb_init

/// What `dumb-init ARGUMENTS` does; the exit code, of the child's process too.
[[nodiscard]] inline int run_dumb_init(int, char** argv) {
  using namespace dumb_init;
  Peer peer(argv[0], kVoice, kError);
  peer.signals_group = true;
  const int code =
      read_options(peer, {.rows = kOptions, .has_names = true}, argv);
  if (code != kGoOn) return code == kUnusable ? 1 : code;
  char** const command = argv + 1;
  if (*command == nullptr) {
    peer.err.print(
        "Usage: %s [option] program [args]\n"
        "Try %s --help for full usage.\n",
        {peer.called});
    return 1;
  }
  read_environment(peer);
  (void)sys::set_signal_mask(every_signal());
  struct sigaction usual = {};
  usual.sa_handler = SIG_DFL;
  for (int number = 1; number < kRewritable; ++number)
    (void)::sigaction(number, &usual, nullptr);  // not KILL, STOP
  if (peer.signals_group) leave_terminal(peer);
  peer.child = ::_Fork();
  if (peer.child == 0) return become_command(peer, command);
  if (peer.child < 0) {
    tell(peer, kError, "Unable to fork. Exiting.");
    return 1;
  }
  tell(peer, kDebug, "Child spawned with PID %d.", {"", peer.child});
  if (::chdir("/") < 0)
    tell(peer, kDebug, "Unable to chdir(\"/\") (errno=%d %m)", {"", errno});
  for (;;)
    if (const auto signal = sys::wait_for_signal(every_signal()))
      if (const auto end = handle_signal(peer, signal->si_signo)) return *end;
}

}  // namespace reaper::compat
