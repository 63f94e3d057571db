// SPDX-License-Identifier: Apache-2.0
// The signals that the reaper passes on to its supervisor, one at a time: the
// others wait in the kernel.
//
// Invariant: that an instance is to stop is never forgotten. The first signal
// that says so is told to every supervisor there will be, until one has said
// how it all ended: one that was killed during the stop is followed by one that
// completes it.
#pragma once

#include <sys/signalfd.h>

#include <optional>

#include "core/stop_signal.h"
#include "reaper/protocol.h"
#include "reaper/state.h"

namespace reaper {

class SignalRelay {
 public:
  void take(const signalfd_siginfo& info) {
    take(SignalSeen{.signal = static_cast<int>(info.ssi_signo),
                    .sender_pid = static_cast<int>(info.ssi_pid),
                    .sender_uid = info.ssi_uid,
                    .signal_code = info.ssi_code});
  }

  [[nodiscard]] bool is_full() const { return held_.has_value(); }
  /// The signal that ends the instance, once it has come; 0 before.
  [[nodiscard]] int stop_signal() const { return stop_ ? stop_->signal : 0; }

  /// There is another supervisor.
  void begin_again() { is_stop_due_ = stop_.has_value(); }

  /// What is to be sent next, if anything is.
  [[nodiscard]] const SignalSeen* next() const {
    if (is_stop_due_) return &*stop_;
    return held_ ? &*held_ : nullptr;
  }
  void next_was_sent() {
    if (is_stop_due_)
      is_stop_due_ = false;
    else
      held_.reset();
  }

  /// For the next image. A stop is told once more: that changes nothing.
  [[nodiscard]] SavedSignal save() const {
    const std::optional<SignalSeen>& seen = stop_ ? stop_ : held_;
    if (!seen) return {};
    return {.is_held = 1,
            .signal = seen->signal,
            .sender_pid = seen->sender_pid,
            .sender_uid = seen->sender_uid,
            .signal_code = seen->signal_code,
            .reserved = 0};
  }
  void restore(const SavedSignal& saved) {
    if (saved.is_held == 0) return;
    take(SignalSeen{.signal = saved.signal,
                    .sender_pid = saved.sender_pid,
                    .sender_uid = saved.sender_uid,
                    .signal_code = saved.signal_code});
  }

 private:
  void take(const SignalSeen& seen) {
    if (stop_ || !core::is_stop_signal(seen.signal)) {
      held_ = seen;
      return;
    }
    stop_ = seen;
    is_stop_due_ = true;
  }

  std::optional<SignalSeen> stop_;
  std::optional<SignalSeen> held_;
  bool is_stop_due_ = false;
};

}  // namespace reaper
