// SPDX-License-Identifier: Apache-2.0
// What bus/ needs of whoever's loop drives it. The supervisor's main.cc gives
// supervisor/event_loop.h this face; tests give poll(2).
//
// Asked of an implementation: a watch or timer is never called after it was
// destroyed, and may be destroyed from its own callback.
#pragma once

#include <functional>
#include <memory>

#include "core/quantity.h"

namespace bus {

class LoopWatch {
 public:
  LoopWatch() = default;
  LoopWatch(const LoopWatch&) = delete;
  LoopWatch& operator=(const LoopWatch&) = delete;
  virtual ~LoopWatch() = default;
  /// POLLIN and POLLOUT of poll(2), or 0 to pause.
  virtual void want(short events) = 0;
};

class LoopTimer {
 public:
  LoopTimer() = default;
  LoopTimer(const LoopTimer&) = delete;
  LoopTimer& operator=(const LoopTimer&) = delete;
  virtual ~LoopTimer() = default;
  /// Calls once when `deadline` has passed, soon if it already has.
  virtual void set(core::BootTime deadline) = 0;
  virtual void clear() = 0;
};

class LoopHooks {
 public:
  LoopHooks() = default;
  LoopHooks(const LoopHooks&) = delete;
  LoopHooks& operator=(const LoopHooks&) = delete;
  virtual ~LoopHooks() = default;

  /// Watches a descriptor, which it borrows and which outlives the watch.
  [[nodiscard]] virtual std::unique_ptr<LoopWatch> watch(
      int fd, short events, std::function<void()> ready) = 0;
  [[nodiscard]] virtual std::unique_ptr<LoopTimer> timer(
      std::function<void()> passed) = 0;
  /// Calls once, after the callback that runs now, before the loop waits again.
  virtual void defer(std::function<void()> call) = 0;
};

}  // namespace bus
