// SPDX-License-Identifier: Apache-2.0
// A peer: the entrypoint of somebody else that this process stands in for. What
// it does where others do something else, what it was told, and its voice.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdint>
#include <span>

#include "reaper/compat/words.h"
#include "sys/signals.h"

namespace reaper::compat {

struct Peer;

inline constexpr int kGoOn = -1;      ///< else an exit code
inline constexpr int kUnusable = -2;  ///< an option is wrong, and that was said

struct OptionRow {
  char letter = 0;
  bool takes_value = false;
  const char* name = nullptr;  ///< null: it has only the letter
  int (*set)(Peer& peer, const char* value) = nullptr;
};

struct OptionTable {
  std::span<const OptionRow> rows;
  bool has_names = false;    ///< --name means something
  bool is_anywhere = false;  ///< options may stand behind the first other word
};

/// One for each peer. The functions return an exit code or kGoOn.
struct Behaviour {
  const char* prefix = "";        ///< %s is the level, %d our pid
  const char* levels[5] = {};     ///< from the gravest on
  std::uint8_t first_quiet = 0;   ///< from this level on it is standard output
  std::uint8_t usual_level = 0;   ///< up to which it speaks
  std::uint8_t exec_level = 0;    ///< of exec_failed
  std::uint8_t not_found = 0;     ///< exit code where exec says ENOENT
  std::uint8_t denied = 0;        ///< EACCES
  std::uint8_t not_executed = 0;  ///< anything else
  bool signals_group = false;
  const char* exec_failed = "";  ///< %s is the command, %m why
  std::uint64_t awaited = 0;     ///< the signals that it takes: N is bit N - 1
  OptionTable options;

  /// Before the options.
  int (*begin)(Peer& peer, int argc, char** argv) = nullptr;
  /// Says what is wrong with the command line.
  void (*refuse)(Peer& peer, bool lacks_command) = nullptr;
  /// Before the child, with our signals.
  int (*prepare)(Peer& peer) = nullptr;
  /// In the child, still with our signals.
  int (*prepare_child)(Peer& peer) = nullptr;
  int (*fork_failed)(Peer& peer) = nullptr;
  void (*started)(Peer& peer, const char* command) = nullptr;
  int (*handle)(Peer& peer, int signal) = nullptr;
};

inline constexpr int kRewritable = 32;  // signals 1 to 31

struct Peer {
  Peer(const Behaviour& its, const char* called_as)
      : behaviour(its),
        called(called_as),
        verbosity(its.usual_level),
        signals_group(its.signals_group) {}

  /// Says one line, if `level` is among those that are wanted; see
  /// Output::print.
  void tell(unsigned level, const char* format, ...) {
    if (level > verbosity) return;
    Output& to = level < behaviour.first_quiet ? err : out;
    to.print(behaviour.prefix, behaviour.levels[level], ::getpid());
    va_list fillings;
    va_start(fillings, format);
    to.print_list(format, fillings);
    va_end(fillings);
    to.print("\n");
  }

  /// Passes a signal on to the child or its group; kill(2)'s result.
  [[nodiscard]] int pass_on(int signal) const {
    return ::kill(signals_group ? -child : child, signal);
  }

  const Behaviour& behaviour;
  const char* called;  ///< argv[0]
  unsigned verbosity;
  bool signals_group;             ///< the child's process group, not it alone
  bool is_subreaper = false;      ///< tini's -s
  bool warns_of_orphans = false;  ///< tini's -w
  bool has_no_child = false;      ///< catatonit's -P
  int parent_death_signal = 0;    ///< tini's -p
  pid_t child = 0;
  std::uint64_t handed_over = 0;  ///< dumb-init's signals to keep once
  /// dumb-init's -r: 0 is as it is, N is signal N - 1.
  std::uint8_t rewrites[kRewritable] = {};
  bool is_success[256] = {};  ///< tini's -e
  sys::SignalSet callers_mask = sys::SignalSet::none();
  sighandler_t callers_action = SIG_DFL;  ///< of CHLD, which we need
  sighandler_t callers_terminal[2] = {};  ///< of TTIN and TTOU
  Output out{STDOUT_FILENO};
  Output err{STDERR_FILENO};
};

/// The last part of a path.
inline const char* base_name(const char* path) {
  const char* name = path;
  for (; *path != '\0'; ++path)
    if (*path == '/') name = path + 1;
  return name;
}

/// Signal N is bit N - 1.
constexpr std::uint64_t bit_of(int signal) {
  return std::uint64_t{1} << static_cast<unsigned>(signal - 1);
}

/// What the C library's set of all signals holds: not the two that glibc keeps
/// for its threads.
inline constexpr std::uint64_t kEverySignal = ~(bit_of(32) | bit_of(33));

/// The same without those that the kernel sends for a fault of our own.
inline constexpr std::uint64_t kEverySignalButFaults =
    kEverySignal &
    ~(bit_of(SIGFPE) | bit_of(SIGILL) | bit_of(SIGSEGV) | bit_of(SIGBUS) |
      bit_of(SIGABRT) | bit_of(SIGTRAP) | bit_of(SIGSYS));

}  // namespace reaper::compat
