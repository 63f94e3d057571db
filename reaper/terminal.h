// SPDX-License-Identifier: Apache-2.0
// Standing in for a command before a shell: what the shell's wait(2) sees of us
// is what it would have seen of the command. Stopped by the signal that stopped
// it, ended by the signal that ended it. Every signal is blocked when these are
// called, and again when they return.
#pragma once

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <optional>

#include "core/ids.h"
#include "core/job_result.h"
#include "sys/signals.h"
#include "sys/wait_id.h"

namespace reaper {

/// The signal that holds `child` stopped now, if one does. The report stays
/// with the kernel.
[[nodiscard]] inline std::optional<core::SignalNumber> stop_of(
    core::Pid child) {
  siginfo_t info;
  if (!sys::wait_id(P_PID, child, info, WSTOPPED | WNOWAIT) || info.si_pid == 0)
    return std::nullopt;
  return core::SignalNumber(info.si_status);
}

namespace detail {

/// Gives a signal its default action for this object's lifetime.
class DefaultAction {
 public:
  explicit DefaultAction(core::SignalNumber signal) : signal_(signal) {}
  DefaultAction(const DefaultAction&) = delete;
  DefaultAction& operator=(const DefaultAction&) = delete;
  ~DefaultAction() { (void)before_.set_for(signal_); }

 private:
  core::SignalNumber signal_;
  sys::SignalAction before_ = sys::SignalAction().set_for(signal_);
};

inline sys::SignalSet all_but(core::SignalNumber signal) {
  sys::SignalSet set = sys::SignalSet::all();
  set.remove(signal);
  return set;
}

}  // namespace detail

/// Stops this process as `child` is stopped, by `signal`; returns when it goes
/// on. If a SIGCONT comes for both of us on the way, neither stays stopped: our
/// own stop signal is pending, where SIGCONT deletes it, before the child is
/// looked at for the last time. (SIGSTOP cannot be held pending.)
inline void stop_like(core::Pid child, core::SignalNumber signal) {
  const detail::DefaultAction action(signal);
  if (!stop_of(child)) return;
  (void)::kill(::getpid(), signal.raw());
  if (stop_of(child)) (void)sys::set_signal_mask(detail::all_but(signal));
  (void)sys::set_signal_mask(sys::SignalSet::all());
  if (signal.raw() != SIGSTOP)
    (void)sys::take_signal(sys::SignalSet::of(signal));
}

/// Ends this process by `signal`, without a core: the command has left its own
/// if it was to leave one. Returns only where the kernel protects us (PID 1).
inline void die_by(core::SignalNumber signal) {
  const rlimit none = {};
  // Lowering is always allowed. (musl's setrlimit is made for threads.)
  (void)::prlimit(0, RLIMIT_CORE, &none, nullptr);
  (void)::prctl(PR_SET_DUMPABLE, 0);  // a core pipe heeds only this
  const detail::DefaultAction action(signal);
  (void)::kill(::getpid(), signal.raw());
  (void)sys::set_signal_mask(detail::all_but(signal));
}

/// The exit code for who ends as a command did with that status; dies by its
/// signal, if it may.
[[nodiscard]] inline int end_like(std::int32_t status, bool reraises) {
  if (core::status_is_exit(status)) return core::exit_code_of(status);
  const int signal = core::signal_of(status);
  if (reraises) die_by(core::SignalNumber(signal));
  return 128 + signal;
}

}  // namespace reaper
