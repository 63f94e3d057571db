// SPDX-License-Identifier: Apache-2.0
// The terminal's foreground for a command that has a process group of its own
// (tcsetpgrp(3), credentials(7)). Every signal is blocked by its callers, so
// SIGTTOU does not stop who is in the background.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "core/ids.h"
#include "sys/unique_fd.h"

namespace reaper {

/// Whether a stop of the command is to be ours too, for a shell on a terminal
/// that waits for us: when job control stopped it, and when anything did while
/// we are in the foreground. Elsewhere nobody would let us go on: a command
/// that stops in a container must still be ended when we are asked to.
inline bool is_stop_for_shell(core::SignalNumber signal) {
  if (::getsid(0) == ::getpid()) return false;  // our parent is no such shell
  const auto terminal = sys::open_at(AT_FDCWD, "/dev/tty", O_RDONLY | O_NOCTTY);
  return terminal && (signal.raw() != SIGSTOP ||
                      ::tcgetpgrp(terminal->get()) == ::getpgrp());
}

/// Whether a terminal sent it: to its whole foreground group.
inline bool came_from_terminal(int signal, int code) {
  if (code != SI_KERNEL) return false;
  switch (signal) {
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

/// Whether what is sent to our process group reaches `pid` too.
inline bool shares_our_group(core::Pid pid) {
  return ::getpgid(pid.raw()) == ::getpgrp();
}

/// Makes `group` the foreground group of our terminal, if we have one and our
/// own group is in the foreground now: it is not taken from anybody else.
inline void give_terminal_to(core::Pid group) {
  const auto terminal = sys::open_at(AT_FDCWD, "/dev/tty", O_RDWR | O_NOCTTY);
  if (!terminal) return;  // ENXIO: there is none
  if (::tcgetpgrp(terminal->get()) == ::getpgrp())
    (void)::tcsetpgrp(terminal->get(), group.raw());
}

/// Lets a group that job control has stopped go on, after we went on.
inline void continue_in_foreground(core::Pid group) {
  give_terminal_to(group);
  (void)::kill(-group.raw(), SIGCONT);
}

/// In the child: leads a group of its own, in the foreground if its parent was.
inline void take_own_group() {
  const auto terminal = sys::open_at(AT_FDCWD, "/dev/tty", O_RDWR | O_NOCTTY);
  // Not our own group: our parent may have set that already.
  const bool is_foreground =
      terminal && ::tcgetpgrp(terminal->get()) == ::getpgid(::getppid());
  (void)::setpgid(0, 0);
  if (is_foreground) (void)::tcsetpgrp(terminal->get(), ::getpid());
}

}  // namespace reaper
