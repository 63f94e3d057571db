// SPDX-License-Identifier: Apache-2.0
// JobSignals: passes the signals that an entrypoint gets on to its job, by its
// rules, and begins the job's end when one of them asks for it.
#pragma once

#include <signal.h>

#include <optional>

#include "core/ids.h"
#include "core/kill_plan.h"
#include "reaper/entry_rules.h"
#include "reaper/job_container.h"
#include "reaper/job_end.h"
#include "reaper/outsiders.h"
#include "reaper/own_name.h"
#include "sys/clock.h"
#include "sys/pid_fd.h"

namespace reaper {

/// What a caller sends who waits for the command and wants it to end.
inline bool asks_to_end(core::SignalNumber signal) {
  return signal.raw() == SIGTERM || signal.raw() == SIGINT ||
         signal.raw() == SIGHUP || signal.raw() == SIGQUIT;
}

class JobSignals {
 public:
  JobSignals(const EntryRules& rules, const core::KillPlan& plan,
             const JobContainer& container, const Outsiders& outsiders,
             JobEnd& end)
      : rules_(rules),
        plan_(plan),
        container_(container),
        outsiders_(outsiders),
        end_(end) {}

  /// Somebody asked for the job's end.
  [[nodiscard]] bool is_stopping() const { return is_stopping_; }
  [[nodiscard]] const SignalBits& passed_on() const { return passed_on_; }

  /// A signal came. `main_has_it`: it was sent to the whole process group, or
  /// by the terminal; the main process is in the group and is not sent it
  /// again.
  void pass_on(int number, const MainProcess& main, bool main_has_it = false) {
    const auto signal = rules_.rewrite(number);
    if (!signal) return;
    const bool is_stop = rules_.stop_signals.has(number);
    if (is_stop && !is_stopping_)
      return stop(number, *signal, main, main_has_it);
    passed_on_.add(signal->raw());
    if (!main_has_it || signal->raw() != number)
      send(*signal, is_stop ? rules_.stop_target : rules_.signal_target, main);
  }

  /// The main process has ended while others live. Those whom nobody has asked
  /// yet are asked now; a grace that runs already goes on.
  void end_rest(const MainProcess& main) {
    if (!is_stopping_) return end_.begin(plan_, sys::boot_now());
    if (rules_.stop_target != Target::kJob || asked_with_ != plan_.first_signal)
      ask(plan_.first_signal, Target::kJob, main,
          end_.deadline().value_or(core::kEndOfTime));
  }

 private:
  /// Whom the main process leaves behind is asked when it ends (end_rest())
  /// where it has the signal already.
  void stop(int number, core::SignalNumber signal, const MainProcess& main,
            bool main_has_it) {
    is_stopping_ = true;
    if (rules_.stop_with != core::SignalNumber()) signal = rules_.stop_with;
    const core::BootTime now = sys::boot_now();
    passed_on_.add(signal.raw());
    if (!main_has_it || main.has_ended || signal.raw() != number) {
      asked_with_ = signal;
      ask(signal, rules_.stop_target, main, now + plan_.grace);
    }
    if (!end_.is_asking()) end_.give_grace(plan_.grace, now);
  }

  /// A stopped process would sleep through its grace: SIGCONT follows.
  void ask(core::SignalNumber signal, Target target, const MainProcess& main,
           core::BootTime until) {
    if (target != Target::kJob && !main.has_ended) {
      send(signal, target, main);
      return send(core::kSigcont, target, main);
    }
    passed_on_.add(signal.raw());
    passed_on_.add(SIGCONT);
    container_.ask_all(signal, outsiders_, until);
  }

  void send(core::SignalNumber signal, Target target, const MainProcess& main) {
    passed_on_.add(signal.raw());
    if (target == Target::kJob || main.has_ended)
      return container_.signal_all(signal, outsiders_);
    if (target == Target::kGroup && main.pid.raw() > 1)
      (void)::kill(-main.pid.raw(), signal.raw());
    else
      main.send(signal);
  }

  const EntryRules& rules_;
  const core::KillPlan plan_;
  const JobContainer& container_;
  const Outsiders& outsiders_;
  JobEnd& end_;
  SignalBits passed_on_;
  bool is_stopping_ = false;
  core::SignalNumber asked_with_;
};

}  // namespace reaper
