// SPDX-License-Identifier: Apache-2.0
// The life of every peer: read the options, make one child, become its command
// there, and here pass signals on until it has ended.
#pragma once

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>

#include "reaper/compat/getopt.h"
#include "reaper/compat/peer.h"
#include "reaper/exec_search.h"
#include "sys/signals.h"

namespace reaper::compat {

namespace detail {

/// The exit code of a child that could not become the command.
inline int become_command(Peer& peer, char** command) {
  const Behaviour& does = peer.behaviour;
  if (const int code = does.prepare_child(peer); code != kGoOn) return code;
  (void)::signal(SIGCHLD, peer.callers_action);
  (void)sys::set_signal_mask(peer.callers_mask);
  const char* const path = std::getenv("PATH");
  errno = execute_searching(command, ::environ,
                            path != nullptr ? path : "/bin:/usr/bin",
                            ExecRules::kOfLibrary);
  peer.tell(does.exec_level, does.exec_failed, command[0]);
  if (errno == ENOENT) return does.not_found;
  return errno == EACCES ? does.denied : does.not_executed;
}

inline int pass_signals_on(Peer& peer, const sys::SignalSet& awaited) {
  for (int code = kGoOn;;) {
    if (const auto signal = sys::wait_for_signal(awaited))
      code = peer.behaviour.handle(peer, signal->si_signo);
    if (code != kGoOn) return code;
  }
}

}  // namespace detail

/// What `its` program does with `argv`; the exit code, of the child too.
[[nodiscard]] inline int run(const Behaviour& its, int argc, char** argv) {
  Peer peer(its, argv[0]);
  int code = its.begin(peer, argc, argv);
  if (code == kGoOn) code = read_options(peer, its.options, argv);
  char** const command = argv + 1;
  const bool has_child = !peer.has_no_child;
  const bool lacks_command = code == kGoOn && has_child && *command == nullptr;
  if (lacks_command || code == kUnusable) {
    its.refuse(peer, lacks_command);
    return 1;
  }
  if (code != kGoOn) return code;
  const auto awaited = sys::SignalSet::of_bits(its.awaited);
  peer.callers_mask = sys::set_signal_mask(awaited);
  peer.callers_action = ::signal(SIGCHLD, SIG_DFL);
  code = its.prepare(peer);
  if (code != kGoOn) return code;
  if (has_child) peer.child = ::_Fork();
  if (peer.child < 0) return its.fork_failed(peer);
  if (has_child && peer.child == 0)
    return detail::become_command(peer, command);
  its.started(peer, *command);
  return detail::pass_signals_on(peer, awaited);
}

}  // namespace reaper::compat
