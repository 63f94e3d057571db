// SPDX-License-Identifier: Apache-2.0
// The scope: one job's own reaper, between the caller and the command. The
// command stays in the caller's session, process group and terminal, with the
// caller's signals, limits and descriptors; whoever waits for the scope sees
// what it would have seen of the command.
//
// With a supervisor (--scope) it reports and obeys; without one (--record), or
// when that and its store have gone for good, it ends the job by itself.
#pragma once

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdint>
#include <optional>

#include "core/job_result.h"
#include "reaper/caller_signals.h"
#include "reaper/deadline.h"
#include "reaper/entry_end.h"
#include "reaper/entry_rules.h"
#include "reaper/foreground.h"
#include "reaper/job_container.h"
#include "reaper/job_end.h"
#include "reaper/job_signals.h"
#include "reaper/launch_words.h"
#include "reaper/limit_keeper.h"
#include "reaper/outsiders.h"
#include "reaper/own_descriptors.h"
#include "reaper/pid_namespace.h"
#include "reaper/poll_set.h"
#include "reaper/reap.h"
#include "reaper/record_mode.h"
#include "reaper/report_output.h"
#include "reaper/say.h"
#include "reaper/scope_link.h"
#include "reaper/scope_options.h"
#include "reaper/scope_plan.h"
#include "reaper/scope_result.h"
#include "reaper/sentinel.h"
#include "reaper/spawn.h"
#include "reaper/terminal.h"
#include "reaper/wait_time.h"
#include "sys/clock.h"
#include "sys/own_cgroup.h"
#include "sys/urgency.h"

namespace reaper {

class Scope {
 public:
  /// `command` ends with a null, and command[-1] is writable.
  Scope(const ScopeOptions& options, const EntryRules& rules, char** command)
      : options_(options), rules_(rules), command_(command) {
    facts_.report.name = options.name;
    if (facts_.report.name.empty()) facts_.report.name.append(command[0]);
  }

  /// Runs the command to the end of its job; returns the exit code. Does not
  /// return if it is to die by the signal that ended the command.
  [[nodiscard]] int run() {
    const auto prepared = prepare();
    if (!prepared) say(prepared.error());
    if (!prepared || !limits_.set_up()) {
      (void)container_.remove();  // nobody was in it
      return core::kOwnFailureCode;
    }
    launch();
    for (bool over = settle(); !over; over = is_over())
      wait_once();
    return finish();
  }

 private:
  /// How long the dead of an empty cgroup may take to fall to us; and of the
  /// signals that a job may send without end so many are heard in a turn.
  static constexpr core::Microseconds kReapPatience = core::milliseconds(20);
  static constexpr int kMostSignals = 16;

  // Set-up.

  [[nodiscard]] core::Result<void> prepare() {
    container_.know(main_);
    occupy_standard_numbers();
    outsiders_.find();
    TRY(reports_.open(options_));
    signal_fd_ = TRY(sys::make_signal_fd(sys::SignalSet::all()));
    if (options_.link_fd >= 0) {
      link_.adopt(take_passed(options_.link_fd));
      if (options_.cgroup_fd >= 0)
        container_.adopt(take_passed(options_.cgroup_fd));
      facts_.report.jid = options_.jid;
      return {};
    }
    facts_.report.jid =
        options_.jid == core::kNoJob ? random_job_id() : options_.jid;
    TRY(container_.make(facts_.report.jid, options_.engine,
                        options_.cgroup_base));
    return {};
  }

  void launch() {
    if (options_.record_path != nullptr && options_.link_fd < 0)
      recorder_.open(options_, facts_.report.jid, facts_.report.name);
    ChildPlan plan = plan_of(options_, rules_, command_);
    plan.caller_signals = &caller_signals_;
    plan.limits = limits_.of_process();
    plan.pid = &main_.pid;
    sentinel_.start_guard({.run = &Scope::guard, .context = this});
    outsiders_.set_own(core::Pid(), sentinel_.guard_pid());
    auto spawned = spawn_contained(plan, container_.cgroup());
    while (!spawned && container_.make_again(spawned.error().code)) {
      limits_.renew();
      spawned = spawn_contained(plan, container_.cgroup());
    }
    if (!spawned) {
      note_failure(
          {.stage = core::LaunchStage::kClone, .code = spawned.error().code});
      main_.has_ended = facts_.main_has_ended = true;
      facts_.main_status = core::kOwnFailureCode << 8;
      return;
    }
    main_.pid = spawned->pid;
    main_.pidfd = std::move(spawned->pidfd);
    set_up_ = std::move(spawned->report);
    facts_.started = sys::now();
    limits_.begin(facts_.started.boot);
  }

  /// What need not be done before the command runs. True: the job is over.
  [[nodiscard]] bool settle() {
    if (!link_.is_open()) {
      oom_watch_.begin();  // beside its exec: nobody fills memory meanwhile
      if (is_ready_within(signal_fd_.get(), kHeadStart)) wait_once();
      if (is_over()) return true;
    }
    if (!main_.has_ended) start_sentinel();
    let_go_of_callers();
    return false;
  }

  void start_sentinel() {
    sentinel_.start();
    outsiders_.set_own(sentinel_.pid(), sentinel_.guard_pid());
  }

  void note_failure(const core::LaunchFailure& failure) {
    facts_.launch_failure = failure;
    facts_.started = {};
    say(sentence_of(failure, command_[0], search_path(), options_.cwd).view());
    if (link_.is_open()) link_.tell_failed(failure);
  }

  // The loop.

  void wait_once() {
    enum { kSignals, kSetUp, kLink, kTimer, kCgroup, kMemory, kInit, kCount };
    const auto deadline = next_deadline();
    deadline_.set(deadline);
    pollfd fds[kCount] = {};
    fds[kSignals] = to_poll(signal_fd_.get(), POLLIN);
    fds[kSetUp] = to_poll(set_up_.get(), POLLIN);
    fds[kLink] = to_poll(link_.get(), link_.events());
    fds[kTimer] = to_poll(deadline_.get(), POLLIN);
    fds[kCgroup] = to_poll(main_.has_ended ? container_.events() : -1, POLLPRI);
    fds[kMemory] = to_poll(limits_.memory_events(), POLLPRI);
    if (kMakesNamespaces) fds[kInit] = to_poll(own_namespace->events(), POLLIN);
    const int patience = deadline_.patience(deadline, sys::boot_now());
    // EINTR: stopped, continued.
    if (::poll(fds, kMakesNamespaces ? kCount : kInit, patience) < 0) return;
    if (fds[kTimer].revents != 0) deadline_.acknowledge();
    // What they say decide() looks at; but they must not stay ready.
    if (fds[kCgroup].revents != 0) container_.acknowledge_events();
    if (fds[kMemory].revents != 0) limits_.acknowledge_memory_events();
    if (fds[kSignals].revents != 0) read_signals();
    if (fds[kSetUp].revents != 0) read_set_up();
    if (fds[kLink].revents != 0) hear();
    reap();
    if (is_asked_ && link_.is_open()) answer_inspection();
    if (!link_.is_open()) decide();
    go_on_ending(sys::boot_now());
    if (link_.is_open()) link_.send(main_.pidfd);
    stop_if_stopped();
  }

  [[nodiscard]] std::optional<core::BootTime> next_deadline() const {
    std::optional<core::BootTime> next = end_.deadline();
    const auto consider = [&](std::optional<core::BootTime> time) {
      if (time && (!next || *time < *next)) next = time;
    };
    if (!link_.is_open() && !facts_.limit_hit) consider(limits_.deadline());
    consider(reap_until_);
    return next;
  }

  void go_on_ending(core::BootTime now) {
    const Survivors killed = end_.advance(now);
    if (!options_.is_transparent())
      entry_end_.say_killed(killed, options_.plan().grace);
  }

  void read_signals() {
    signalfd_siginfo info = {};
    int left = kMostSignals;
    while (--left >= 0 &&
           ::read(signal_fd_.get(), &info, sizeof info) == sizeof info) {
      if (info.ssi_signo != SIGCHLD && !sentinel_.is_from_us(info))
        pass_on(info);  // (reap() looks anyway)
    }
  }

  void pass_on(const signalfd_siginfo& info) {
    const core::SignalNumber signal(static_cast<int>(info.ssi_signo));
    const bool has_it_already = sentinel_.group_was_sent(info) &&
                                (main_.has_ended ? !rules_.has_own_group()
                                                 : shares_our_group(main_.pid));
    if (!options_.is_transparent()) {
      signals_.pass_on(signal.raw(), main_, has_it_already);
    } else if (!main_.has_ended) {
      if (!has_it_already) main_.send(signal);
    } else if (options_.stragglers == core::Stragglers::kLinger) {
      container_.signal_all(signal, outsiders_);
    } else if (asks_to_end(signal)) {
      end_.kill_now(sys::boot_now());  // somebody waits for us impatiently
    }
  }

  void read_set_up() {
    const SetUpReport report = read_report(set_up_);
    if (report.state == SetUp::kUnderWay) return;
    set_up_.reset();
    if (report.state == SetUp::kFailed) {
      note_failure(report.failure);
    } else if (link_.is_open()) {
      link_.tell_launched(main_.pid, core::Pid(::getpid()));
    }
  }

  void reap() {
    const sys::UsualPriority priority;
    while (!link_.is_open() || link_.has_room()) {
      if (kMakesNamespaces && note_end_inside()) continue;
      const auto child = peek_dead_descendant();
      if (!child) return;
      if (is_namespace_init(child->pid.raw())) {
        if (own_namespace->is_alive()) continue;  // what it told comes first
      } else if (outsiders_.contains(child->pid))
        outsiders_.remove(child->pid);
      else
        note_exit(*child);
      (void)take_dead_child(child->pid);
    }
  }

  /// Hears what the namespace's init has to say, if anything.
  bool note_end_inside() {
    core::ExitRecord record;
    const auto heard = own_namespace->hear(record);
    if (heard == PidNamespace::Heard::kEnd) tell_end(record);
    return heard != PidNamespace::Heard::kNothing;
  }

  [[gnu::noinline]] void note_exit(const DeadChild& child) {
    const bool is_main = child.pid == main_.pid && !main_.has_ended;
    if (is_main && set_up_.is_open()) read_set_up();
    core::ExitRecord record = examine(child, wanted_of(is_main));
    if (!is_main && !options_.is_transparent())
      entry_end_.note_orphan(child, end_.is_killing());
    if (is_main) {
      main_.has_ended = facts_.main_has_ended = true;
      facts_.main_status = child.wait_status;
      if (kMakesNamespaces) own_namespace->tell_main_is_over();
      entry_end_.note_main(command_[0], child);
      if (facts_.launch_failure) return;  // the command never was
      facts_.report.main = record;
    }
    tell_end(record);
  }

  void tell_end(core::ExitRecord& record) {
    if (set_up_.is_open()) read_set_up();  // the launch is told before any end
    add_own_job(record, facts_.report.jid);
    ++facts_.report.processes_seen;
    limits_.note_exit(record);
    if (link_.is_open())
      link_.tell_exit(record);
    else
      recorder_.process_ended(record, facts_.report.processes_seen);
  }

  [[nodiscard]] Wanted wanted_of(bool is_main) const {
    if (link_.is_open() || recorder_.is_wanted()) return Wanted::kAll;
    return is_main && reports_.are_wanted() ? Wanted::kIo : Wanted::kUsage;
  }

  void stop_if_stopped() {
    if (main_.has_ended || main_.pid == core::Pid() || end_.deadline()) return;
    const auto signal = stop_of(main_.pid);
    if (!signal) return;
    if (!options_.is_transparent() && !is_stop_for_shell(*signal)) return;
    if (link_.is_open()) {
      link_.tell_stopped(signal->raw());
      link_.send(main_.pidfd);
    }
    start_sentinel();  // it may have stopped at once
    deadline_.set(next_deadline());
    sentinel_.watch_while_stopped(main_.pidfd.get(), link_.get(),
                                  deadline_.get());
    stop_like(main_.pid, *signal);
    sentinel_.end_watch();
    if (rules_.has_own_group()) continue_in_foreground(main_.pid);
    if (link_.is_open()) link_.tell_stopped(0);
  }

  // With a supervisor.

  void hear() {
    auto heard = ScopeLink::Heard::kMessage;
    while (heard == ScopeLink::Heard::kMessage)
      heard = link_.receive([&](const Message& message) { obey(message); });
    if (heard == ScopeLink::Heard::kNothing) return;
    link_.close();
    if (!ended_) say("the supervisor is gone; the job ends without it");
  }

  void obey(const Message& message) {
    switch (message.type) {
      case MessageType::kHello:
        link_.start_again();
        return;
      case MessageType::kRecordAck:
        if (const auto number = body_as<SequenceNumber>(message.body))
          link_.acknowledge(number->sequence);
        return;
      case MessageType::kScopeSignal:
        if (const auto order = body_as<ScopeSignal>(message.body))
          send_signal(*order);
        return;
      case MessageType::kScopeKill:
        end_.kill_now(sys::boot_now());
        return;
      case MessageType::kScopeInspect:
        is_asked_ = true;
        return;
      case MessageType::kScopeEnded:
        ended_ = body_as<ScopeEnded>(message.body);
        return;
      default:
        return;  // not for a scope
    }
  }

  void send_signal(const ScopeSignal& order) {
    if (order.signal < 1 || order.signal > sys::kLastSignal) return;
    const core::SignalNumber signal(order.signal);
    if (order.target == static_cast<std::uint32_t>(core::SignalTarget::kMain))
      main_.send(signal);
    else
      container_.signal_all(signal, outsiders_);
  }

  /// That nobody is left is said after the last exit.
  void answer_inspection() {
    if (kMakesNamespaces && own_namespace->is_deciding()) return;
    const Populated populated = as_message(container_.look(outsiders_));
    if (populated.count == 0 && !are_dead_seen()) return;
    reap_until_.reset();
    is_asked_ = false;
    link_.tell_populated(populated);
  }

  // Without one.

  void decide() {
    const core::BootTime now = sys::boot_now();
    if (kMakesNamespaces && own_namespace->is_deciding()) return;
    if (main_.has_ended && !container_.is_populated(outsiders_)) {
      is_ending_ = true;
      return;
    }
    if (!facts_.limit_hit) {
      facts_.limit_hit = limits_.check(now);
      if (facts_.limit_hit) end_.begin(options_.plan(), now);
    }
    if (main_.has_ended && !is_ending_) begin_ending(now);
  }

  void begin_ending(core::BootTime now) {
    is_ending_ = true;
    if (rules_.leaves || lingers()) return;
    const Survivors survivors = container_.look(outsiders_);
    facts_.report.stragglers = survivors.count;
    facts_.report.straggler_names = survivors.names;
    if (!signals_.is_stopping() && !facts_.limit_hit &&
        !options_.is_transparent())
      entry_end_.say_left(survivors);
    if (options_.stragglers == core::Stragglers::kKill)
      end_.kill_now(now);
    else
      signals_.end_rest(main_);
  }

  [[nodiscard]] bool lingers() const {
    return options_.stragglers == core::Stragglers::kLinger &&
           !signals_.is_stopping();
  }

  /// Empty, and all its dead were seen; or the supervisor says that it ended.
  [[nodiscard]] bool is_over() {
    if (ended_) return true;
    if (link_.is_open() || !main_.has_ended) return false;
    if (!is_ending_) decide();
    if (rules_.leaves || container_.is_blind()) return true;
    return !container_.is_populated(outsiders_) && are_dead_seen();
  }

  /// Whether all the dead of an empty job have fallen to us, or do not come.
  [[nodiscard]] bool are_dead_seen() {
    if (!has_descendants()) return true;
    if (kMakesNamespaces) return false;  // the init's end tells
    const core::BootTime now = sys::boot_now();
    if (!reap_until_) reap_until_ = now + kReapPatience;
    return now >= *reap_until_;
  }

  [[nodiscard]] int finish() {
    const sys::UsualPriority priority;
    if (ended_) {
      take_over(facts_.report, *ended_);
    } else {
      decide_end();
      recorder_.job_ended(facts_, container_.engine());
    }
    sentinel_.dismiss();  // it dies while we tidy up
    if (const auto removed = container_.remove(); !removed && !rules_.leaves)
      say(removed.error());
    reports_.print(facts_.report);
    sentinel_.stop();
    return end_like_the_command();
  }

  void decide_end() {
    facts_.report.totals = container_.totals();
    if (core::signal_of(facts_.main_status) == SIGKILL)
      facts_.kills_around = oom_watch_.new_kills();
    limits_.finish(facts_);
    conclude(facts_, sys::now(), command_[0]);
  }

  [[nodiscard]] int end_like_the_command() const {
    if (facts_.launch_failure) return core::shell_code(*facts_.launch_failure);
    if (!main_.has_ended) return core::shell_code(facts_.report.result);
    if (!options_.is_transparent())
      return entry_end_.finish(facts_.report.result, signals_.passed_on());
    return end_like(facts_.main_status, options_.reraises);
  }

  /// What the guard does in our memory when we were killed.
  static void guard(void* self) { static_cast<Scope*>(self)->end_as_guard(); }
  void end_as_guard() {
    if (link_.is_open() && container_.cgroup() >= 0) {
      // The supervisor sees to the rest: it has the cgroup.
      main_.send(core::kSigkill);
      return;
    }
    sys::become_urgent();  // the guard was not, until now
    decide_end();
    container_.end_after_scope(main_.pid, main_.pidfd);
    note_killed_scope(facts_.report.result);
    recorder_.scope_was_killed(facts_, container_.engine());
  }

  const ScopeOptions& options_;
  const EntryRules& rules_;
  char** const command_;
  CallerSignals caller_signals_ = CallerSignals::take_over();
  ScopeFacts facts_;
  Outsiders outsiders_;
  JobContainer container_;
  JobEnd end_{container_, outsiders_};
  MainProcess main_;
  JobSignals signals_{rules_, options_.plan(), container_, outsiders_, end_};
  sys::OomWatch oom_watch_;
  EntryEnd entry_end_{rules_, oom_watch_};
  LimitKeeper limits_{options_, container_, outsiders_};
  Recorder recorder_;
  ScopeLink link_;
  std::optional<ScopeEnded> ended_;
  Sentinel sentinel_;
  Deadline deadline_;
  sys::UniqueFd signal_fd_;
  sys::UniqueFd set_up_;
  ReportOutput reports_;
  bool is_ending_ = false;
  bool is_asked_ = false;  ///< the supervisor wants to know who is left
  std::optional<core::BootTime> reap_until_;
};

}  // namespace reaper
