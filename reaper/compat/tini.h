// SPDX-License-Identifier: Apache-2.0
// tini 0.19.0 (369448a): options, environment, exit codes, messages and their
// streams are tini's. Unlike it we do not wake every second, and a caller who
// ignores SIGCHLD does not make us wait for ever.
#pragma once

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <optional>

#include "core/job_result.h"
#include "reaper/caller_signals.h"
#include "reaper/compat/getopt.h"
#include "reaper/compat/numbers.h"
#include "reaper/compat/peer.h"

namespace reaper::compat {

namespace tini {

enum Level : std::uint8_t { kFatal, kWarn, kInfo, kDebug, kTrace };

inline constexpr Voice kVoice = {
    .prefix = "[%s tini (%d)] ",
    .levels = {"FATAL", "WARN ", "INFO ", "DEBUG", "TRACE"},
    .first_quiet = kInfo};

inline constexpr const char* kVersion = "tini version 0.19.0 - git.369448a";

/// The licence of tini, which its users compare with the file that it is in.
inline constexpr const char* kLicence =
    "The MIT License (MIT)\n"
    "\n"
    "Copyright (c) 2015 Thomas Orozco <thomas@orozco.fr>\n"
    "\n"
    "Permission is hereby granted, free of charge, to any person obtaining a "
    "copy\n"
    "of this software and associated documentation files (the \"Software\"), "
    "to deal\n"
    "in the Software without restriction, including without limitation the "
    "rights\n"
    "to use, copy, modify, merge, publish, distribute, sublicense, and/or "
    "sell\n"
    "copies of the Software, and to permit persons to whom the Software is\n"
    "furnished to do so, subject to the following conditions:\n"
    "\n"
    "The above copyright notice and this permission notice shall be included "
    "in\n"
    "all copies or substantial portions of the Software.\n"
    "\n"
    "THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, EXPRESS "
    "OR\n"
    "IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,\n"
    "FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL "
    "THE\n"
    "AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER\n"
    "LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING "
    "FROM,\n"
    "OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS "
    "IN\n"
    "THE SOFTWARE.\n";

inline constexpr const char* kUsage =
    "Usage: %s [OPTIONS] PROGRAM -- [ARGS] | --version\n\n"
    "Runs PROGRAM under the supervision of a valid init process (%s)\n\n"
    "Options:\n\n"
    "  --version: Print the version (if there is no other word).\n"
    "  -h: Print this text.\n"
    "  -s: Become the reaper of all descendants without being PID 1.\n"
    "  -p SIGNAL: Get SIGNAL, such as SIGKILL, when our parent dies.\n"
    "  -v: Be more verbose, up to 3 times.\n"
    "  -w: Warn of every orphan that is reaped.\n"
    "  -g: Send signals to the child's process group.\n"
    "  -e EXIT_CODE: Exit with 0 in place of EXIT_CODE (0 to 255; "
    "repeatable).\n"
    "  -l: Print the license of tini.\n\n"
    "Environment:\n\n"
    "  TINI_SUBREAPER: If it is set, as -s.\n"
    "  TINI_VERBOSITY: The verbosity (1).\n"
    "  TINI_KILL_PROCESS_GROUP: If it is set, as -g.\n\n";

inline constexpr const char* kNotReaper =
    "Tini is not running as PID 1 and isn't registered as a child subreaper.\n"
    "Zombie processes will not be re-parented to Tini, so zombie reaping won't "
    "work.\n"
    "Use the -s option, set TINI_SUBREAPER, or run Tini as PID 1.";

inline void print_usage(const Peer& peer, Output& to) {
  const char* const slash = std::strrchr(peer.called, '/');
  const char* const name = slash != nullptr ? slash + 1 : peer.called;
  to.print("%s (", {name});
  to.print(kVersion);
  to.print(")\n");
  to.print(kUsage, {name});
}

inline int set_parent_death_signal(Peer& peer, const char* name) {
  for (int number = 1; number <= SIGSYS; ++number) {
    if (number == SIGSTKFLT || number == SIGIO || number == SIGPWR) continue;
    if (core::signal_name(number) != name) continue;
    peer.parent_death_signal = number;
    return kGoOn;
  }
  tell(peer, kFatal, "Not a valid option for -p: %s", {name});
  return 1;
}

inline int add_success(Peer& peer, const char* text) {
  std::int64_t code = 0;
  const char* end = text;
  (void)scan_number(end, code);
  if (*end != '\0' || code < 0 || code > 255) {
    tell(peer, kFatal, "Not a valid option for -e: %s", {text});
    return 1;
  }
  peer.is_success[code] = true;
  return kGoOn;
}

template <bool Peer::* flag>
int set_flag(Peer& peer, const char*) {
  peer.*flag = true;
  return kGoOn;
}

inline constexpr OptionRow kOptions[] = {
    {'p', true, nullptr, set_parent_death_signal},
    {'h', false, nullptr,
     [](Peer& peer, const char*) {
       print_usage(peer, peer.out);
       return 0;
     }},
    {'v', false, nullptr,
     [](Peer& peer, const char*) {
       ++peer.verbosity;
       return kGoOn;
     }},
    {'w', false, nullptr, set_flag<&Peer::warns_of_orphans>},
    {'g', false, nullptr, set_flag<&Peer::signals_group>},
    {'l', false, nullptr,
     [](Peer& peer, const char*) {
       peer.out.print(kLicence);
       return 0;
     }},
    {'e', true, nullptr, add_success},
    {'s', false, nullptr, set_flag<&Peer::is_subreaper>},
};

inline void read_environment(Peer& peer) {
  if (std::getenv("TINI_SUBREAPER") != nullptr) peer.is_subreaper = true;
  if (std::getenv("TINI_KILL_PROCESS_GROUP") != nullptr)
    peer.signals_group = true;
  const char* verbosity = std::getenv("TINI_VERBOSITY");
  if (verbosity == nullptr) return;
  std::int64_t level = 0;  // what is no number is 0, as atoi(3) has it
  (void)scan_number(verbosity, level);
  peer.verbosity = static_cast<unsigned>(level);
}

/// False: it cannot be set up, which was said.
inline bool take_orphans(Peer& peer) {
  if (peer.is_subreaper) {
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
      tell(peer, kFatal, "Failed to register as child subreaper: %m");
      return false;
    }
    tell(peer, kTrace, "Registered as child subreaper");
  }
  int is_subreaper = 0;
  if (::getpid() == 1) return true;
  if (::prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper) != 0)
    tell(peer, kDebug, "Failed to read child subreaper attribute: %m");
  else if (is_subreaper == 1)
    return true;
  tell(peer, kWarn, kNotReaper);
  return true;
}

/// The caller's signals, and TTIN and TTOU ignored so that a terminal that is
/// the child's cannot stop us for a message.
class Signals {
 public:
  Signals() {
    struct sigaction ignore = {};
    ignore.sa_handler = SIG_IGN;
    for (int i = 0; i < 2; ++i)
      (void)::sigaction(kTerminal[i], &ignore, &callers_[i]);
    sys::SignalSet set = every_signal_but_faults();
    for (const int number : kTerminal)
      set.remove(core::SignalNumber(number));
    (void)sys::set_signal_mask(set);
  }

  /// In the child, just before exec.
  void restore() const {
    caller_.restore();
    for (int i = 0; i < 2; ++i)
      (void)::sigaction(kTerminal[i], &callers_[i], nullptr);
  }

 private:
  static constexpr int kTerminal[] = {SIGTTIN, SIGTTOU};

  CallerSignals caller_ = CallerSignals::take_over();
  struct sigaction callers_[2] = {};
};

/// A group of its own, in the foreground of the terminal if there is one.
inline bool isolate_child(Peer& peer) {
  if (::setpgid(0, 0) < 0) {
    tell(peer, kFatal, "setpgid failed: %m");
    return false;
  }
  if (::tcsetpgrp(STDIN_FILENO, ::getpgrp()) == 0) return true;
  if (errno != ENOTTY && errno != ENXIO) {
    tell(peer, kFatal, "tcsetpgrp failed: %m");
    return false;
  }
  tell(peer, kDebug, "tcsetpgrp failed: no %s (ok to proceed)",
       {errno == ENOTTY ? "tty" : "such device"});
  return true;
}

/// The exit code of a child that could not become the command.
inline int become_command(Peer& peer, char** command, const Signals& signals) {
  if (!isolate_child(peer)) return 1;
  signals.restore();
  execute_as_execvp(command);
  const int code = errno;
  tell(peer, kFatal, "exec %s failed: %m", {command[0]});
  if (code == ENOENT) return 127;
  return code == EACCES ? 126 : 1;
}

/// False: the child was not dead, and yet could not be signalled.
inline bool handle_signal(Peer& peer, int number) {
  if (number == SIGCHLD) {
    tell(peer, kDebug, "Received SIGCHLD");
    return true;
  }
  tell(peer, kDebug, "Passing signal: '%s'", {signal_text(number).c_str()});
  if (pass_on(peer, number) == 0) return true;
  if (errno == ESRCH) {
    tell(peer, kWarn, "Child was dead when forwarding signal");
    return true;
  }
  tell(peer, kFatal, "Unexpected error when forwarding signal: '%m'");
  return false;
}

inline int code_of_main(Peer& peer, int status) {
  int code = 0;
  if (WIFEXITED(status)) {
    code = WEXITSTATUS(status);
    tell(peer, kInfo, "Main child exited normally (with status '%d')",
         {"", code});
  } else {
    code = 128 + WTERMSIG(status);
    tell(peer, kInfo, "Main child exited with signal (with signal '%s')",
         {signal_text(WTERMSIG(status)).c_str()});
  }
  return peer.is_success[code] ? 0 : code;
}

/// Reaps all that is dead; the exit code if the main child was among them.
inline std::optional<int> reap(Peer& peer) {
  std::optional<int> code;
  int status = 0;
  pid_t pid = 0;
  while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0) {
    tell(peer, kDebug, "Reaped child with pid: '%d'", {"", pid});
    if (pid == peer.child)
      code = code_of_main(peer, status);
    else if (peer.warns_of_orphans)
      tell(peer, kWarn, "Reaped zombie process with pid=%d", {"", pid});
  }
  tell(peer, kTrace, "No child to %s", {pid == 0 ? "reap" : "wait"});
  return code;
}

inline int supervise(Peer& peer) {
  sys::SignalSet set = every_signal_but_faults();
  set.remove(core::SignalNumber(SIGTTIN));
  set.remove(core::SignalNumber(SIGTTOU));
  for (;;) {
    const auto signal = sys::wait_for_signal(set);
    if (signal && !handle_signal(peer, signal->si_signo)) return 1;
    if (const auto code = reap(peer)) {
      tell(peer, kTrace, "Exiting: child has exited");
      return *code;
    }
  }
}

}  // namespace tini

/// What `tini ARGUMENTS` does; the exit code, of the child's process too.
[[nodiscard]] inline int run_tini(int argc, char** argv) {
  using namespace tini;
  Peer peer(argv[0], kVoice, kWarn);
  if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
    peer.out.print(kVersion);
    peer.out.print("\n");
    return 0;
  }
  const int code =
      read_options(peer, {.rows = kOptions, .is_anywhere = true}, argv);
  char** const command = argv + 1;
  if (code == kUnusable || (code == kGoOn && *command == nullptr)) {
    print_usage(peer, peer.err);
    return 1;
  }
  if (code != kGoOn) return code;
  read_environment(peer);
  const Signals signals;
  if (peer.parent_death_signal != 0 &&
      ::prctl(PR_SET_PDEATHSIG, peer.parent_death_signal) != 0) {
    tell(peer, kFatal, "Failed to set up parent death signal");
    return 1;
  }
  if (!take_orphans(peer)) return 1;
  peer.child = ::_Fork();
  if (peer.child == 0) return become_command(peer, command, signals);
  if (peer.child < 0) {
    tell(peer, kFatal, "fork failed: %m");
    return 1;
  }
  tell(peer, kInfo, "Spawned child process '%s' with pid '%d'",
       {command[0], peer.child});
  return supervise(peer);
}

}  // namespace reaper::compat
