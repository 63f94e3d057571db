// SPDX-License-Identifier: Apache-2.0
// A peer: the entrypoint of somebody else that this process stands in for. What
// it was told, and its voice. One type for all of them: they share most of it.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "core/ids.h"
#include "core/text.h"
#include "reaper/compat/words.h"
#include "sys/signals.h"

namespace reaper::compat {

/// How a peer speaks.
struct Voice {
  const char* prefix;     ///< %s is the level, %d our pid
  const char* levels[5];  ///< from the gravest on
  unsigned first_quiet;   ///< from this level on it is standard output
};

inline constexpr int kRewritable = 32;  // signals 1 to 31
inline constexpr std::int8_t kAsItIs = -1;

struct Peer {
  Peer(const char* called_as, const Voice& its_voice, unsigned usual_verbosity)
      : called(called_as), voice(its_voice), verbosity(usual_verbosity) {
    std::memset(rewrites, kAsItIs, sizeof rewrites);
  }

  const char* called;  ///< argv[0]
  const Voice& voice;
  unsigned verbosity;
  Output out{STDOUT_FILENO};
  Output err{STDERR_FILENO};

  pid_t child = 0;
  bool signals_group = false;  ///< the child's process group, not it alone
  bool is_subreaper = false;
  bool warns_of_orphans = false;
  bool has_no_child = false;  ///< catatonit's pause
  int parent_death_signal = 0;
  bool is_success[256] = {};           ///< tini's -e
  std::int8_t rewrites[kRewritable];   ///< dumb-init's -r
  std::uint64_t handed_over_once = 0;  ///< a bit for each signal not to pass on
};

/// Says one line if `level` is among those that are wanted. errno is kept.
inline void tell(Peer& peer, unsigned level, const char* format,
                 const Filling& filling = {}) {
  if (level > peer.verbosity) return;
  Output& to = level < peer.voice.first_quiet ? peer.err : peer.out;
  to.print(peer.voice.prefix, {peer.voice.levels[level], ::getpid()});
  to.print(format, filling);
  to.print("\n");
}

/// What the C library's set of all signals holds: not the two that glibc keeps
/// for its threads.
[[nodiscard]] inline sys::SignalSet every_signal() {
  sys::SignalSet set = sys::SignalSet::all();
  set.remove(core::SignalNumber(32));
  set.remove(core::SignalNumber(33));
  return set;
}

/// The same without those that the kernel sends for a fault of our own.
[[nodiscard]] inline sys::SignalSet every_signal_but_faults() {
  sys::SignalSet set = every_signal();
  for (const int number :
       {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS})
    set.remove(core::SignalNumber(number));
  return set;
}

/// Passes a signal on to the child or its group; kill(2)'s result.
[[nodiscard]] inline int pass_on(const Peer& peer, int signal) {
  return ::kill(peer.signals_group ? -peer.child : peer.child, signal);
}

namespace detail {

/// argv[-1] is overwritten for what may be a script.
inline void execute_file(const char* path, char** argv) {
  (void)::execve(path, argv, ::environ);
  if (errno != ENOEXEC) return;
  char* const name = argv[0];
  argv[-1] = const_cast<char*>("/bin/sh");  // execve does not write to it
  argv[0] = const_cast<char*>(path);
  (void)::execve(argv[-1], argv - 1, ::environ);
  argv[0] = name;
}

}  // namespace detail

/// execvp(3) as glibc has it (reaper/exec_search.h is more careful, and so
/// other errors come out of it). Returns with errno if it failed.
inline void execute_as_execvp(char** argv) {
  const char* const name = argv[0];
  const char* at = std::getenv("PATH");
  if (at == nullptr) at = "/bin:/usr/bin";
  if (name[0] == '\0') {
    errno = ENOENT;
    return;
  }
  if (std::strchr(name, '/') != nullptr)
    return detail::execute_file(name, argv);
  bool was_denied = false;
  for (;;) {
    const std::size_t size = std::strcspn(at, ":");
    core::Text<4095> path(std::string_view(at, size));
    if (size > 0) path.append_char('/');  // an empty one is where we are
    path.append(name);
    if (!path.was_cut()) {
      detail::execute_file(path.c_str(), argv);
      was_denied = was_denied || errno == EACCES;
      if (errno != EACCES && errno != ENOENT && errno != ENOTDIR &&
          errno != ESTALE && errno != ENODEV && errno != ETIMEDOUT)
        return;
    }
    at += size;
    if (*at++ == '\0') break;
  }
  if (was_denied) errno = EACCES;
}

}  // namespace reaper::compat
