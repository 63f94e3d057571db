// SPDX-License-Identifier: Apache-2.0
// The signal state that we were called with, which is the command's, not ours:
// we block everything and need SIGCHLD at its default (ignored, the kernel
// would reap our children itself); the command gets back exactly what we got.
#pragma once

#include <signal.h>

#include "sys/signals.h"

namespace reaper {

class CallerSignals {
 public:
  /// Takes the process over: blocks all signals, makes SIGCHLD arrive.
  [[nodiscard]] static CallerSignals take_over() {
    CallerSignals caller;
    caller.mask_ = sys::set_signal_mask(sys::SignalSet::all());
    caller.ignores_children_ = sys::SignalAction::of(kChild).is_ignored();
    if (caller.ignores_children_) set_child_action(SIG_DFL);
    return caller;
  }

  /// In the command's process, just before exec.
  void restore() const {
    if (ignores_children_) set_child_action(SIG_IGN);
    (void)sys::set_signal_mask(mask_);
  }

 private:
  static constexpr core::SignalNumber kChild{SIGCHLD};

  static void set_child_action(void (*handler)(int)) {
    (void)sys::SignalAction(handler).set_for(kChild);
  }

  sys::SignalSet mask_ = sys::SignalSet::none();
  bool ignores_children_ = false;
};

}  // namespace reaper
