// SPDX-License-Identifier: Apache-2.0
// The scope: one job's own reaper, between the caller and the command. The
// command stays in the caller's session, process group and terminal, with the
// caller's signals, limits and descriptors; whoever waits for the scope sees
// what it would have seen of the command.
//
// With a supervisor (--scope) it reports and obeys; without one (--record), or
// when the supervisor and its store have gone for good, it ends the job by
// itself. One loop, one thread, no heap: it sleeps in poll(2) until a signal, a
// message or the one deadline comes.
#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdint>
#include <optional>

#include "core/job_report_json.h"
#include "core/job_result.h"
#include "reaper/caller_signals.h"
#include "reaper/deadline.h"
#include "reaper/entrypoint.h"
#include "reaper/job_container.h"
#include "reaper/job_end.h"
#include "reaper/launch_words.h"
#include "reaper/outsiders.h"
#include "reaper/own_descriptors.h"
#include "reaper/reap.h"
#include "reaper/record_mode.h"
#include "reaper/say.h"
#include "reaper/scope_link.h"
#include "reaper/scope_options.h"
#include "reaper/scope_result.h"
#include "reaper/sentinel.h"
#include "reaper/spawn.h"
#include "reaper/terminal.h"
#include "reaper/urgency.h"
#include "sys/clock.h"

namespace reaper {

class Scope {
 public:
  /// `command` ends with a null, and command[-1] is writable.
  Scope(const ScopeOptions& options, char** command)
      : options_(options), command_(command) {
    facts_.report.name = options.name;
    if (facts_.report.name.empty()) facts_.report.name.append(command[0]);
  }

  /// Runs the command to the end of its job; returns the exit code. Does not
  /// return if it is to die by the signal that ended the command.
  [[nodiscard]] int run() {
    const auto prepared = prepare();
    if (!prepared) {
      say(prepared.error());
      return kOwnFailure;
    }
    launch();
    while (!is_over())
      wait_once();
    return finish();
  }

 private:
  static constexpr int kOwnFailure = 125;
  /// How long the dead of an empty cgroup may take to fall to us.
  static constexpr core::Microseconds kReapPatience = core::milliseconds(20);

  // Set-up.

  [[nodiscard]] core::Result<void> prepare() {
    occupy_standard_numbers();
    outsiders_.find();
    report_fd_ = take_passed(options_.report_fd);
    report_json_fd_ = take_passed(options_.report_json_fd);
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
    if (options_.record_path != nullptr)
      recorder_.open(options_, facts_.report.jid, facts_.report.name);
    return {};
  }

  void launch() {
    ChildPlan plan;
    plan.argv = command_;
    plan.envp = ::environ;
    plan.search = detail::search_path();
    plan.cwd = options_.cwd;
    plan.flags = LaunchHeader::kKeepSignals;
    plan.caller_signals = &caller_signals_;
    if (options_.uid || options_.gid) {
      plan.flags |= LaunchHeader::kSetUser;
      plan.uid = options_.uid.value_or(::getuid());
      plan.gid = options_.gid.value_or(::getgid());
      plan.groups = {options_.groups, options_.group_count};
    }
    auto spawned = spawn(plan, container_.cgroup());
    while (!spawned && container_.make_again(spawned.error().code))
      spawned = spawn(plan, container_.cgroup());
    if (!spawned) {
      note_failure({core::LaunchStage::kClone, spawned.error().code});
      facts_.main_has_ended = true;
      facts_.main_status = kOwnFailure << 8;
      return;
    }
    main_ = spawned->pid;
    main_fd_ = std::move(spawned->pidfd);
    set_up_ = std::move(spawned->report);
    facts_.started = sys::now();
    // After the command was born: a signal to the group that comes before that
    // is passed on, not lost. Without a sentinel everything is passed on.
    if (sentinel_.start({&Scope::guard, this}))
      outsiders_.set_sentinel(sentinel_.pid());
    become_urgent();
    drop_callers_descriptors();
    (void)!::chdir("/");  // holds no mount of the caller's
  }

  void note_failure(const core::LaunchFailure& failure) {
    facts_.launch_failure = failure;
    facts_.started = {};
    say(sentence_of(failure, command_[0], detail::search_path(), options_.cwd)
            .view());
    if (link_.is_open()) link_.tell_failed(failure);
  }

  // The loop.

  void wait_once() {
    enum : std::size_t { kSignals, kSetUp, kLink, kTimer, kCgroup, kCount };
    deadline_.set(next_deadline());
    pollfd fds[kCount] = {};
    fds[kSignals] = {signal_fd_.get(), POLLIN, 0};
    fds[kSetUp] = {set_up_.get(), POLLIN, 0};
    fds[kLink] = {link_.get(), link_.events(), 0};
    fds[kTimer] = {deadline_.get(), POLLIN, 0};
    fds[kCgroup] = {cgroup_events_.get(), POLLPRI, 0};
    if (::poll(fds, kCount, -1) < 0) return;  // EINTR: stopped and continued
    if (fds[kTimer].revents != 0) deadline_.acknowledge();
    if (fds[kCgroup].revents != 0)
      (void)JobContainer::read_populated(cgroup_events_);  // decide() looks
    if (fds[kSignals].revents != 0) read_signals();
    if (fds[kSetUp].revents != 0) read_set_up();
    if (fds[kLink].revents != 0) hear();
    reap();
    if (is_asked_ && link_.is_open()) answer_inspection();
    if (!link_.is_open()) decide();
    end_.advance(sys::boot_now());
    if (link_.is_open()) link_.send(main_fd_);
    stop_if_stopped();
  }

  [[nodiscard]] std::optional<core::BootTime> next_deadline() const {
    std::optional<core::BootTime> next = end_.deadline();
    const auto consider = [&](std::optional<core::BootTime> time) {
      if (time && (!next || *time < *next)) next = time;
    };
    if (!link_.is_open() && !facts_.limit_hit && facts_.started.boot.raw() != 0)
      consider(core::earliest_breach(options_.limits, facts_.started.boot));
    consider(reap_until_);
    return next;
  }

  void read_signals() {
    signalfd_siginfo info = {};
    while (::read(signal_fd_.get(), &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGCHLD) continue;  // reap() looks anyway
      pass_on(core::SignalNumber(static_cast<int>(info.ssi_signo)),
              core::Pid(static_cast<std::int32_t>(info.ssi_pid)));
    }
  }

  void pass_on(core::SignalNumber signal, core::Pid sender) {
    if (sender != core::Pid() && sender == sentinel_.pid()) return;
    const bool has_it_already = sentinel_.group_was_sent(signal);
    if (!facts_.main_has_ended) {
      // It may have died meanwhile; its SIGCHLD tells.
      if (!has_it_already) (void)main_fd_.signal(signal);
    } else if (options_.stragglers == core::Stragglers::kLinger) {
      container_.signal_all(signal, outsiders_);
    } else if (asks_to_end(signal)) {
      end_.kill_now(sys::boot_now());  // somebody waits for us impatiently
    }
  }

  static bool asks_to_end(core::SignalNumber signal) {
    return signal.raw() == SIGTERM || signal.raw() == SIGINT ||
           signal.raw() == SIGHUP || signal.raw() == SIGQUIT;
  }

  void read_set_up() {
    const SetUpReport report = read_report(set_up_);
    if (report.state == SetUp::kUnderWay) return;
    set_up_.reset();
    if (report.state == SetUp::kFailed) {
      note_failure(report.failure);
    } else if (link_.is_open()) {
      link_.tell_launched(main_, core::Pid(::getpid()));
    }
  }

  void reap() {
    while (!link_.is_open() || link_.has_room()) {
      const auto child = peek_dead_descendant();
      if (!child) return;
      if (outsiders_.contains(child->pid))
        outsiders_.remove(child->pid);
      else
        note_exit(*child);
      (void)take_dead_child(child->pid);
    }
  }

  void note_exit(const DeadChild& child) {
    const bool is_main = child.pid == main_;
    if (is_main && set_up_.is_open()) read_set_up();
    core::ExitRecord record = examine(child);
    if (!record.has(core::Counters::kJob)) {
      record.jid = facts_.report.jid.raw();
      record.mark(core::Counters::kJob);
    }
    if (is_main) {
      facts_.main_has_ended = true;
      facts_.main_status = child.wait_status;
      cgroup_events_ = container_.watch();
      if (facts_.launch_failure) return;  // the command never was
      facts_.report.main = record;
    }
    ++facts_.report.processes_seen;
    if (link_.is_open())
      link_.tell_exit(record);
    else
      recorder_.process_ended(record, facts_.report.processes_seen);
  }

  void stop_if_stopped() {
    if (facts_.main_has_ended || main_ == core::Pid()) return;
    const auto signal = stop_of(main_);
    if (!signal) return;
    if (link_.is_open()) {
      link_.tell_stopped(signal->raw());
      link_.send(main_fd_);
    }
    sentinel_.watch_while_stopped(main_fd_.get(), link_.get());
    stop_like(main_, *signal);
    sentinel_.end_watch();
    if (link_.is_open()) link_.tell_stopped(0);
  }

  // With a supervisor.

  void hear() {
    for (;;) {
      const auto heard =
          link_.receive([&](const Message& message) { obey(message); });
      if (heard == ScopeLink::Heard::kNothing) return;
      if (heard == ScopeLink::Heard::kMessage) continue;
      link_.close();
      if (!ended_) say("the supervisor has gone; the job is ended without it");
      return;
    }
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
      (void)main_fd_.signal(signal);
    else
      container_.signal_all(signal, outsiders_);
  }

  /// That nobody is left is said after the last exit.
  void answer_inspection() {
    const Populated populated = inspect();
    if (populated.count == 0 && !are_dead_seen()) return;
    reap_until_.reset();
    is_asked_ = false;
    link_.tell_populated(populated);
  }

  [[nodiscard]] Populated inspect() const {
    Populated populated;
    const Survivors survivors = container_.look(outsiders_);
    populated.count = survivors.count;
    std::memcpy(populated.names, survivors.names.c_str(),
                survivors.names.size());
    return populated;
  }

  // Without one.

  void decide() {
    const core::BootTime now = sys::boot_now();
    if (facts_.main_has_ended && !is_populated()) {
      is_ending_ = true;
      return;
    }
    if (!facts_.limit_hit && facts_.started.boot.raw() != 0) {
      facts_.limit_hit = core::check(options_.limits, facts_.started.boot, now);
      if (facts_.limit_hit) end_.begin(options_.plan, now);
    }
    if (facts_.main_has_ended && !is_ending_) begin_ending(now);
  }

  void begin_ending(core::BootTime now) {
    is_ending_ = true;
    if (options_.stragglers == core::Stragglers::kLinger) return;
    const Survivors survivors = container_.look(outsiders_);
    facts_.report.stragglers = survivors.count;
    facts_.report.straggler_names = survivors.names;
    if (options_.stragglers == core::Stragglers::kKill)
      end_.kill_now(now);
    else
      end_.begin(options_.plan, now);
  }

  [[nodiscard]] bool is_populated() const {
    return container_.is_populated(outsiders_);
  }

  /// Whether the job is empty and all its dead were seen, or the supervisor
  /// says that it has ended.
  [[nodiscard]] bool is_over() {
    if (ended_) return true;
    if (link_.is_open() || !facts_.main_has_ended) return false;
    if (!is_ending_) decide();
    return !is_populated() && are_dead_seen();
  }

  /// Whether all the dead of an empty job have fallen to us, or do not come.
  [[nodiscard]] bool are_dead_seen() {
    if (!has_descendants()) return true;
    const core::BootTime now = sys::boot_now();
    if (!reap_until_) reap_until_ = now + kReapPatience;
    return now >= *reap_until_;
  }

  // The end.

  [[nodiscard]] int finish() {
    sentinel_.stop();
    if (ended_) {
      take_over(facts_.report, *ended_);
    } else {
      facts_.ended = sys::now();
      if (!facts_.launch_failure)
        facts_.report.wall_time = facts_.ended.boot - facts_.started.boot;
      facts_.report.totals = container_.totals();
      facts_.report.result = decide_result(facts_, command_[0]);
      recorder_.job_ended(facts_, container_.engine());
      if (const auto removed = container_.remove(); !removed)
        say(removed.error());
    }
    print_report(report_fd_, core::render(facts_.report).view());
    print_report(report_json_fd_, core::render_json(facts_.report).view());
    return end_like_the_command();
  }

  static void print_report(const sys::UniqueFd& fd, std::string_view text) {
    if (!fd.is_open()) return;
    while (!text.empty()) {
      const ssize_t size = ::write(fd.get(), text.data(), text.size());
      if (size < 0) return;  // nobody reads it
      text.remove_prefix(static_cast<std::size_t>(size));
    }
  }

  [[nodiscard]] int end_like_the_command() const {
    if (facts_.launch_failure) return exit_code_of(*facts_.launch_failure);
    if (!facts_.main_has_ended) return core::shell_code(facts_.report.result);
    if (core::status_is_exit(facts_.main_status))
      return core::exit_code_of(facts_.main_status);
    const int signal = core::signal_of(facts_.main_status);
    if (options_.reraises) die_by(core::SignalNumber(signal));
    return 128 + signal;
  }

  /// What the sentinel does in our memory when we were killed.
  static void guard(void* self) { static_cast<Scope*>(self)->end_as_guard(); }

  void end_as_guard() {
    if (link_.is_open()) {
      // The supervisor sees to the rest.
      if (!facts_.main_has_ended) (void)main_fd_.signal(core::kSigkill);
      return;
    }
    become_urgent();  // the sentinel was not, until now
    container_.end_after_scope(main_, main_fd_);
    if (!is_ending_) recorder_.scope_was_killed(facts_, container_.engine());
  }

  const ScopeOptions& options_;
  char** const command_;
  CallerSignals caller_signals_ = CallerSignals::take_over();
  ScopeFacts facts_;
  Outsiders outsiders_;
  JobContainer container_;
  JobEnd end_{container_, outsiders_};
  Recorder recorder_;
  ScopeLink link_;
  std::optional<ScopeEnded> ended_;
  Sentinel sentinel_;
  Deadline deadline_;
  sys::UniqueFd signal_fd_;
  sys::UniqueFd set_up_;
  sys::UniqueFd cgroup_events_;
  sys::UniqueFd report_fd_;
  sys::UniqueFd report_json_fd_;
  core::Pid main_;
  sys::PidFd main_fd_;
  bool is_ending_ = false;
  bool is_asked_ = false;  ///< the supervisor wants to know who is left
  std::optional<core::BootTime> reap_until_;
};

[[nodiscard]] inline int run_scope(const ScopeOptions& options,
                                   char** command) {
  Scope scope(options, command);
  return scope.run();
}

}  // namespace reaper
