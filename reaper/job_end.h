// SPDX-License-Identifier: Apache-2.0
// JobEnd: brings a job to its end by the kill plan (core/kill_plan.h), as long
// as somebody of it lives. Scope and entrypoint ask what is due; it has no
// clock.
#pragma once

#include <signal.h>

#include <optional>

#include "core/ids.h"
#include "core/kill_plan.h"
#include "core/quantity.h"
#include "reaper/job_container.h"
#include "reaper/outsiders.h"
#include "reaper/own_name.h"
#include "sys/urgency.h"

namespace reaper {

class JobEnd {
 public:
  JobEnd(const JobContainer& container, const Outsiders& outsiders)
      : container_(container), outsiders_(outsiders) {}

  /// Begins, or goes on more harshly; a softer plan than the one under way
  /// changes nothing.
  void begin(const core::KillPlan& plan, core::BootTime now) {
    first_signal_ = plan.first_signal;
    (void)go_to(core::begin_kill(progress_, plan, now));
  }
  /// Likewise, but whoever calls it has sent the first signal, or will.
  void give_grace(core::Microseconds grace, core::BootTime now) {
    if (grace.raw() == 0) return kill_now(now);
    show_ending();
    progress_ = core::begin_kill(
        progress_, {.first_signal = core::kSigterm, .grace = grace}, now);
  }
  void kill_now(core::BootTime now) {
    begin({.first_signal = core::kSigkill, .grace = {}}, now);
  }

  /// Takes the next step if it is due; returns whom it killed because the grace
  /// was over.
  Survivors advance(core::BootTime now) {
    const bool was_asking = is_asking();
    const Survivors killed = go_to(core::advance_kill(progress_, now));
    return was_asking ? killed : Survivors();
  }

  /// Whether the grace period runs; it is over at the deadline().
  [[nodiscard]] bool is_asking() const {
    return progress_.step == core::KillStep::kAsked;
  }

  /// Whether everything is killed that is left.
  [[nodiscard]] bool is_killing() const {
    return progress_.step > core::KillStep::kAsked;
  }

  /// When the next step is due.
  [[nodiscard]] std::optional<core::BootTime> deadline() const {
    if (progress_.step == core::KillStep::kNone) return std::nullopt;
    return progress_.deadline;
  }

 private:
  Survivors go_to(const core::KillProgress& next) {
    const bool is_new =
        next.step != progress_.step || next.repeats != progress_.repeats;
    progress_ = next;
    if (!is_new) return {};
    show_ending();
    if (next.step != core::KillStep::kAsked) {
      sys::become_urgent();
      return container_.kill_all(next.step, outsiders_);
    }
    container_.ask_all(first_signal_, outsiders_, next.deadline);
    return {};
  }

  const JobContainer& container_;
  const Outsiders& outsiders_;
  core::SignalNumber first_signal_ = core::kSigterm;
  core::KillProgress progress_;
};

}  // namespace reaper
