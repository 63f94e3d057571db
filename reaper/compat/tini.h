// SPDX-License-Identifier: Apache-2.0
// tini 0.19.0 (369448a): options, environment, exit codes, messages and their
// streams are tini's. Unlike it we do not wake every second, and a caller who
// ignores SIGCHLD does not make us wait for ever.
#pragma once

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "core/job_result.h"
#include "reaper/compat/numbers.h"
#include "reaper/compat/peer.h"

namespace reaper::compat {

namespace tini {

enum Level : std::uint8_t { kFatal, kWarn, kInfo, kDebug, kTrace };

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
    "THE SOFTWARE.\n"_packed;

inline constexpr const char* kUsage =
    "Usage: %s [OPTIONS] PROGRAM -- [ARGS] | --version\n\n"
    "PROGRAM runs under the supervision of a valid init process.\n\n"
    "  --version: Print the version (if this is the only word).\n"
    "  -h: Print this text.\n"
    "  -s: Reap all descendants without being PID 1.\n"
    "  -p SIGNAL: Get SIGNAL, e.g. SIGKILL, when the parent dies.\n"
    "  -v: Be more verbose (up to 3 times).\n"
    "  -w: Warn of every orphan that is reaped.\n"
    "  -g: Send signals to the process group.\n"
    "  -e CODE: Exit with 0, not CODE (0 to 255; repeatable).\n"
    "  -l: Print the license.\n\n"
    "If set, TINI_SUBREAPER is -s, TINI_KILL_PROCESS_GROUP is -g, and\n"
    "TINI_VERBOSITY the verbosity (1).\n"_packed;

inline constexpr const char* kNotReaper =
    "Tini is not running as PID 1 and isn't registered as a child subreaper.\n"
    "Zombie processes will not be re-parented to Tini, so zombie reaping won't "
    "work.\n"
    "To fix the problem, use the -s option or set the environment variable "
    "TINI_SUBREAPER to register Tini as a child subreaper, or run Tini as PID "
    "1."_packed;

inline int print_usage(const Peer& peer, Output& to) {
  const char* const name = base_name(peer.called);
  to.print("%s (%s)\n", name, kVersion);
  to.print(kUsage, name);
  return 0;
}

inline int refuse_value(Peer& peer, char letter, const char* value) {
  const char name[] = {letter, '\0'};
  peer.tell(kFatal, "Not a valid option for -%s: %s"_packed, name, value);
  return 1;
}

inline int set_parent_death_signal(Peer& peer, const char* name) {
  for (int number = 1; number <= SIGSYS; ++number) {
    if (number == SIGSTKFLT || number == SIGIO || number == SIGPWR) continue;
    if (core::signal_name(number) != name) continue;
    peer.parent_death_signal = number;
    return kGoOn;
  }
  return refuse_value(peer, 'p', name);
}

inline int add_success(Peer& peer, const char* text) {
  std::int64_t code = 0;
  const char* end = text;
  (void)scan_number(end, code);
  if (*end != '\0' || code < 0 || code > 255)
    return refuse_value(peer, 'e', text);
  peer.is_success[code] = true;
  return kGoOn;
}

template <bool Peer::* flag>
int set_flag(Peer& peer, const char*) {
  peer.*flag = true;
  return kGoOn;
}

inline constexpr OptionRow kOptions[] = {
    {.letter = 'p', .takes_value = true, .set = set_parent_death_signal},
    {.letter = 'h',
     .set = [](Peer& peer,
               const char*) { return print_usage(peer, peer.out); }},
    {.letter = 'v',
     .set =
         [](Peer& peer, const char*) {
           ++peer.verbosity;
           return kGoOn;
         }},
    {.letter = 'w', .set = set_flag<&Peer::warns_of_orphans>},
    {.letter = 'g', .set = set_flag<&Peer::signals_group>},
    {.letter = 'l',
     .set =
         [](Peer& peer, const char*) {
           peer.out.print(kLicence);
           return 0;
         }},
    {.letter = 'e', .takes_value = true, .set = add_success},
    {.letter = 's', .set = set_flag<&Peer::is_subreaper>},
};

inline int begin(Peer& peer, int argc, char** argv) {
  if (argc != 2 || std::strcmp(argv[1], "--version") != 0) return kGoOn;
  peer.out.print("%s\n", kVersion);
  return 0;
}

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

/// Takes the orphans over if we are told to, and warns if none will come.
inline int adopt_orphans(Peer& peer) {
  if (peer.is_subreaper) {
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
      peer.tell(kFatal, "Failed to register as child subreaper: %m"_packed);
      return 1;
    }
    peer.tell(kTrace, "Registered as child subreaper"_packed);
  }
  int is_subreaper = 0;
  if (::getpid() == 1) return kGoOn;
  if (::prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper) != 0)
    peer.tell(kDebug, "Failed to read child subreaper attribute: %m"_packed);
  if (is_subreaper == 0) peer.tell(kWarn, kNotReaper);
  return kGoOn;
}

inline constexpr std::uint64_t kAwaited =
    kEverySignalButFaults & ~(bit_of(SIGTTIN) | bit_of(SIGTTOU));

/// A terminal that is the child's is not to stop us for a message.
inline constexpr int kTerminalSignals[] = {SIGTTIN, SIGTTOU};

inline int prepare(Peer& peer) {
  read_environment(peer);
  sighandler_t* callers = peer.callers_terminal;
  for (const int number : kTerminalSignals)
    *callers++ = ::signal(number, SIG_IGN);
  if (peer.parent_death_signal != 0 &&
      ::prctl(PR_SET_PDEATHSIG, peer.parent_death_signal) != 0) {
    peer.tell(kFatal, "Failed to set up parent death signal"_packed);
    return 1;
  }
  return adopt_orphans(peer);
}

/// A group of its own, in the foreground of the terminal if there is one.
inline int prepare_child(Peer& peer) {
  if (::setpgid(0, 0) < 0) {
    peer.tell(kFatal, "setpgid failed: %m"_packed);
    return 1;
  }
  const pid_t group = ::getpid();
  if (::syscall(SYS_ioctl, STDIN_FILENO, TIOCSPGRP, &group) < 0) {
    if (errno != ENOTTY && errno != ENXIO) {
      peer.tell(kFatal, "tcsetpgrp failed: %m"_packed);
      return 1;
    }
    peer.tell(kDebug, "tcsetpgrp failed: no %s (ok to proceed)"_packed,
              errno == ENOTTY ? "tty" : "such device"_packed);
  }
  const sighandler_t* callers = peer.callers_terminal;
  for (const int number : kTerminalSignals)
    (void)::signal(number, *callers++);
  return kGoOn;
}

inline int code_of_main(Peer& peer, int status) {
  int code = WEXITSTATUS(status);
  if (WIFEXITED(status)) {
    peer.tell(kInfo, "Main child exited normally (with status '%d')"_packed,
              code);
  } else {
    code = WTERMSIG(status);
    peer.tell(kInfo, "Main child exited with signal (with signal '%S')"_packed,
              code);
    code += 128;
  }
  return peer.is_success[code] ? 0 : code;
}

/// Reaps all that is dead.
inline int reap(Peer& peer) {
  int code = kGoOn;
  int status = 0;
  pid_t pid = 0;
  while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0) {
    peer.tell(kDebug, "Reaped child with pid: '%d'"_packed, pid);
    if (pid == peer.child)
      code = code_of_main(peer, status);
    else if (peer.warns_of_orphans)
      peer.tell(kWarn, "Reaped zombie process with pid=%d"_packed, pid);
  }
  peer.tell(kTrace, "No child to %s"_packed, pid == 0 ? "reap" : "wait");
  if (code != kGoOn) peer.tell(kTrace, "Exiting: child has exited"_packed);
  return code;
}

inline int handle(Peer& peer, int signal) {
  if (signal == SIGCHLD) {
    peer.tell(kDebug, "Received SIGCHLD"_packed);
    return reap(peer);
  }
  peer.tell(kDebug, "Passing signal: '%S'"_packed, signal);
  if (peer.pass_on(signal) == 0) return reap(peer);
  if (errno == ESRCH) {
    peer.tell(kWarn, "Child was dead when forwarding signal"_packed);
    return reap(peer);
  }
  peer.tell(kFatal, "Unexpected error when forwarding signal: '%m'"_packed);
  return 1;
}

}  // namespace tini

inline constexpr Behaviour kTini = {
    .prefix = "[%s tini (%d)] ",
    .levels = {"FATAL", "WARN ", "INFO ", "DEBUG", "TRACE"},
    .first_quiet = tini::kInfo,
    .usual_level = tini::kWarn,
    .exec_level = tini::kFatal,
    .not_found = 127,
    .denied = 126,
    .not_executed = 1,
    .signals_group = false,
    .exec_failed = "exec %s failed: %m"_packed,
    .awaited = tini::kAwaited,
    .options = {.rows = tini::kOptions,
                .has_names = false,
                .is_anywhere = true},
    .begin = tini::begin,
    .refuse = [](Peer& peer, bool) { (void)tini::print_usage(peer, peer.err); },
    .prepare = tini::prepare,
    .prepare_child = tini::prepare_child,
    .fork_failed =
        [](Peer& peer) {
          peer.tell(tini::kFatal, "fork failed: %m");
          return 1;
        },
    .started =
        [](Peer& peer, const char* command) {
          peer.tell(tini::kInfo, "Spawned child process '%s' with pid '%d'",
                    command, peer.child);
        },
    .handle = tini::handle,
};

}  // namespace reaper::compat
