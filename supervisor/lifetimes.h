// SPDX-License-Identifier: Apache-2.0
// Jobs that are to live no longer than who made them: each has a lifeline
// (sys/lifeline.h), of which the creator holds the other side. It is a kept
// handle, so that the next supervisor knows of it, also when the creator died
// meanwhile.
//
// Invariant: a job without one costs nothing, and all together cost one
// descriptor and no wakeup but for a creator's end.
#pragma once

#include <functional>

#include "core/handle.h"
#include "core/ids.h"
#include "supervisor/event_loop.h"
#include "supervisor/kept_handles.h"
#include "sys/lifeline.h"

namespace supervisor {

class Lifetimes {
 public:
  /// Both borrowed.
  Lifetimes(EventLoop& loop, KeptHandles& handles)
      : loop_(loop), handles_(handles) {}

  /// Called once for each job whose creator has gone, from the loop.
  void set_end(std::function<void(core::JobId)> on_end) {
    on_end_ = std::move(on_end);
  }

  /// Keeps the job's, if it is open.
  void keep(core::JobId jid, core::Handle lifeline);
  [[nodiscard]] bool has(core::JobId jid) const {
    return handles_.find(jid, HandleKind::kLifetime) >= 0;
  }
  /// From now on its end is told, also one that was before. Again: as before.
  void watch(core::JobId jid);
  /// It is told no more, and the handle is let go.
  void forget(core::JobId jid);

 private:
  void look();

  EventLoop& loop_;
  KeptHandles& handles_;
  std::function<void(core::JobId)> on_end_;
  sys::Lifelines lines_;
  IoWatch watch_;  ///< goes before them
};

}  // namespace supervisor
