// SPDX-License-Identifier: Apache-2.0
// The entrypoint, `corral-init [OPTIONS] [--] CMD`: what a container's PID 1
// owes its command, and nothing that would have to be read, opened or set up
// before the command runs. It starts the command with exactly the caller's
// signals, descriptors and terminal, passes on every signal that can be caught,
// reaps whatever falls to it, ends the whole job when it is asked to stop or
// when the command has ended, and ends as the command ended.
//
// One loop: it sleeps in sigtimedwait(2) until a signal or the one deadline.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <optional>

#include "core/job_result.h"
#include "reaper/caller_signals.h"
#include "reaper/crowd.h"
#include "reaper/entry_end.h"
#include "reaper/entry_rules.h"
#include "reaper/exec_search.h"
#include "reaper/foreground.h"
#include "reaper/job_container.h"
#include "reaper/job_end.h"
#include "reaper/job_signals.h"
#include "reaper/launch_words.h"
#include "reaper/listen_pid.h"
#include "reaper/outsiders.h"
#include "reaper/own_descriptors.h"
#include "reaper/reap.h"
#include "reaper/say.h"
#include "reaper/scope_options.h"
#include "reaper/sentinel.h"
#include "reaper/terminal.h"
#include "reaper/wait_time.h"
#include "sys/clock.h"
#include "sys/clone.h"
#include "sys/own_cgroup.h"
#include "sys/signals.h"
#include "sys/urgency.h"

namespace reaper {

class Entrypoint {
 public:
  /// `command` ends with a null, and command[-1] is writable.
  Entrypoint(const EntryRules& rules, const ScopeOptions& options,
             char** command)
      : rules_(rules), options_(options), command_(command) {}

  /// Runs the command to the end of its job; returns the exit code.
  [[nodiscard]] int run() {
    occupy_standard_numbers();
    outsiders_.find();
    if (!launch()) return core::kOwnFailureCode;
    for (bool over = settle(); !over; over = is_over())
      wait_once();
    return entry_end_.finish(entry_end_.result_of(status_),
                             signals_.passed_on());
  }

 private:
  // Set-up.

  [[nodiscard]] bool launch() {
    container_.know(main_);
    auto child = sys::clone_process(sys::SignalActions::kKeep, -1);
    if (!child) {
      say(child.error());
      return false;
    }
    if (child->pid == core::Pid()) become_command();
    main_.pid = child->pid;
    main_.pidfd = std::move(child->pidfd);
    // Both of us: neither may go on before it is so.
    if (rules_.has_own_group()) (void)::setpgid(main_.pid.raw(), 0);
    return true;
  }

  /// What need not be done before the command runs. True: it has ended already.
  [[nodiscard]] bool settle() {
    if (is_over_within(kHeadStart)) return true;
    memory_.begin();
    let_go_of_callers();
    // Who cannot go before a bomb later must be in time for its end.
    if (::geteuid() != 0) sys::take_short_turns();
    return false;
  }

  [[nodiscard]] bool is_over_within(core::Microseconds most) {
    const auto signal = sys::wait_for_signal(sys::SignalSet::all(), most);
    if (signal) hear(*signal);
    return is_over();
  }

  [[noreturn]] void become_command() const {
    ListenPid listen_pid;
    listen_pid.rewrite(::environ);
    if (rules_.has_own_group()) take_own_group();
    caller_signals_.restore();
    const char* const search = search_path();
    const core::LaunchFailure failure = {
        .stage = core::LaunchStage::kExec,
        .code = execute_searching(command_, ::environ, search)};
    say(sentence_of(failure, command_[0], search).view());
    ::_exit(core::shell_code(failure));
  }

  // The loop.

  void wait_once() {
    const auto deadline = end_.deadline();
    const core::BootTime before = deadline ? sys::boot_now() : core::BootTime();
    std::optional<siginfo_t> signal;
    if (crowd_.is_here())
      signal = wait_beside_crowd();
    else if (!deadline)
      signal = sys::wait_for_signal(sys::SignalSet::all());
    else if (before < *deadline)
      signal = sys::wait_for_signal(sys::SignalSet::all(), *deadline - before);
    if (signal) hear(*signal);
    if (deadline) go_on_ending(sys::boot_now());
  }

  [[nodiscard]] std::optional<siginfo_t> wait_beside_crowd() {
    auto others = sys::SignalSet::all();
    others.remove(core::SignalNumber(SIGCHLD));
    const auto signal = sys::wait_for_signal(others, Crowd::kPause);
    hear_of_children(true);
    return signal;
  }

  void hear(const siginfo_t& signal) {
    if (signal.si_signo == SIGCHLD)
      hear_of_children(signal.si_code == CLD_EXITED);
    else
      pass_on(signal);
  }

  void go_on_ending(core::BootTime now) {
    entry_end_.say_killed(end_.advance(now), options_.plan().grace);
  }

  void pass_on(const siginfo_t& info) {
    if (info.si_pid == own_pid_) return;  // a write of ours has caused it
    if (Sentinel::is_of_an_end(static_cast<std::uint32_t>(info.si_signo),
                               info.si_code))
      return;
    signals_.pass_on(info.si_signo, main_,
                     !rules_.has_own_group() &&
                         came_from_terminal(info.si_signo, info.si_code));
  }

  // Children.

  /// Who ended by a signal is looked at for the name before it is waited for;
  /// for the rest, and of a crowd, that would be half of the cost. The kernel
  /// tells the end of the first only: a fault among others that ended at the
  /// same time may be told by its pid, without a name.
  void hear_of_children(bool first_has_exited) {
    const sys::UsualPriority priority(end_.is_killing());
    unsigned seen = 0;
    for (;; ++seen) {
      const bool looks = (seen < kLookedAt && !first_has_exited) ||
                         rules_.code_from != nullptr;
      const auto child =
          looks ? peek_end_of_descendant() : take_dead_descendant();
      if (!child) break;
      if (outsiders_.contains(child->pid))
        outsiders_.remove(child->pid);
      else
        note_exit(*child);
      if (looks) (void)take_dead_child(child->pid);
    }
    crowd_.note(seen, sys::boot_now());
    // No signal stops the PID 1 of a namespace: there is nothing to do alike.
    // And who has to end the job must not stop.
    if (main_.has_ended || end_.deadline() ||
        (own_pid_ == 1 && !rules_.has_own_group()))
      return;
    const auto stop = stop_of(main_.pid);
    if (stop && is_stop_for_shell(*stop)) stop_with_main(*stop);
  }

  void note_exit(const DeadChild& child) {
    if (child.pid != main_.pid || main_.has_ended) {
      entry_end_.note_orphan(child, end_.is_killing());
      return;
    }
    main_.has_ended = true;
    status_ = child.wait_status;
    entry_end_.note_main(command_[0], child);
  }

  /// Should the command die meanwhile, the sentinel lets us go on.
  void stop_with_main(core::SignalNumber signal) {
    sentinel_.start();
    sentinel_.watch_while_stopped(main_.pidfd.get(), -1, -1);
    stop_like(main_.pid, signal);
    sentinel_.end_watch();
    sentinel_.stop();
    if (rules_.has_own_group()) continue_in_foreground(main_.pid);
  }

  // The end.

  [[nodiscard]] bool is_over() {
    if (!main_.has_ended) return false;
    if (rules_.leaves || container_.is_blind() ||
        !container_.is_populated(outsiders_))
      return true;
    const bool lingers = options_.stragglers == core::Stragglers::kLinger &&
                         !signals_.is_stopping();
    if (!lingers && !is_ending_) begin_ending();
    return false;
  }

  void begin_ending() {
    is_ending_ = true;
    if (!signals_.is_stopping())
      entry_end_.say_left(container_.look(outsiders_));
    if (options_.stragglers == core::Stragglers::kKill)
      end_.kill_now(sys::boot_now());
    else
      signals_.end_rest(main_);
  }

  static constexpr unsigned kLookedAt = 8;  ///< of those that end at once

  const EntryRules& rules_;
  const ScopeOptions& options_;
  char** const command_;
  const pid_t own_pid_ = ::getpid();
  CallerSignals caller_signals_ = CallerSignals::take_over();
  JobContainer container_;
  Outsiders outsiders_;
  JobEnd end_{container_, outsiders_};
  JobSignals signals_{rules_, options_.plan(), container_, outsiders_, end_};
  MainProcess main_;
  Crowd crowd_;
  sys::OomWatch memory_;
  EntryEnd entry_end_{rules_, memory_};
  Sentinel sentinel_;  ///< while we are stopped
  std::int32_t status_ = 0;
  bool is_ending_ = false;  ///< the main process has left others behind
};

}  // namespace reaper
