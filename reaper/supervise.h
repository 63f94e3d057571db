// SPDX-License-Identifier: Apache-2.0
// corral-reaper --supervise: the reaper daemon. It spawns what the supervisor
// orders, waits for every child and orphan, keeps the records of their ends
// until they are acknowledged, and keeps a supervisor and a store running. It
// never waits for anybody: it sleeps in one poll(2), and what cannot be sent
// now stays its state until it can.
#pragma once

#include <sys/signalfd.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <utility>

#include "reaper/crowd.h"
#include "reaper/essentials.h"
#include "reaper/holdings.h"
#include "reaper/instance_options.h"
#include "reaper/keeper.h"
#include "reaper/launcher.h"
#include "reaper/link.h"
#include "reaper/next_image.h"
#include "reaper/own_commands.h"
#include "reaper/own_name.h"
#include "reaper/own_process.h"
#include "reaper/poll_set.h"
#include "reaper/reap.h"
#include "reaper/say.h"
#include "reaper/signal_relay.h"
#include "reaper/state.h"
#include "reaper/sweep.h"
#include "reaper/wait_time.h"
#include "sys/signals.h"

namespace reaper {

class Daemon {
 public:
  Daemon(const OwnCommands& commands, FixedMemory& memory,
         // NOLINTNEXTLINE(cppcoreguidelines-rvalue-reference-param-not-moved)
         Essentials&& essentials)  // its members are
      : commands_(commands),
        memory_(memory),
        child_signals_(std::move(essentials.child_signals)),
        other_signals_(std::move(essentials.other_signals)),
        ring_(std::move(essentials.ring)),
        launcher_(memory.children, std::move(essentials.stages)),
        keeper_(commands) {}

  /// For the first supervisor.
  void give_ready_fd(sys::UniqueFd fd) { ready_fd_ = std::move(fd); }
  /// Of an instance that was another reaper's.
  void hold_lock(sys::UniqueFd lock) {
    lock_ = std::move(lock);
    launcher_.withhold(lock_.get());
  }
  /// The store of a reaper that was killed is still there.
  void adopt_store(Link keeper, sys::PidFd pidfd) {
    keeper_.adopt(std::move(keeper), std::move(pidfd));
    keeper_.keep(kRingName, ring_.descriptor());
    is_revival_ = has_served_ = true;
  }
  void restore(const State& state);

  /// Serves until it is told to end and no child lives; the exit code.
  int run() {
    while (!is_over()) {
      const core::BootTime now = sys::boot_now();
      launcher_.expire(now);
      next_image_.expire(now);
      if (supervisor_.is_overdue(now)) supervisor_.kill();
      if (!is_ending_) start_what_is_due(now);
      if (sweep_at_ && !is_sweeping_ && *sweep_at_ <= now) sweep_up();
      flush();
      wait_and_serve();
    }
    return exit_code_;
  }

 private:
  static constexpr std::size_t kFixedPolls = 5;
  /// How long a supervisor may take to end after it has said how it all ended,
  /// and its workers after it.
  static constexpr core::Microseconds kLastFarewell = core::seconds(1);
  static constexpr core::Microseconds kLastWork = core::milliseconds(300);

  [[nodiscard]] bool is_over() {
    if (!is_alone()) return false;
    // Who is left belongs to no instance: the next one need not wait for him.
    hold_lock({});
    keeper_.end();
    return !has_children();
  }

  // --- the programs of our own ---

  void start_what_is_due(core::BootTime now) {
    if (keeper_.start_if_due(now)) {
      keeper_.keep(kRingName, ring_.descriptor());
      holdings_.give_to(keeper_);
      if (link_.is_open()) new_store_end_ = keeper_.make_client();
    }
    if (supervisor_.is_running() || supervisor_.is_pausing(now)) return;
    start_supervisor();
  }

  void start_supervisor() {
    auto pair = sys::make_socket_pair();
    const sys::UniqueFd store_end = keeper_.make_client();
    if (pair && store_end.is_open()) {
      const int store = keeper_.process().pidfd().get();
      const int fds[] = {pair->second.get(), store_end.get(), ready_fd_.get(),
                         lock_.get(), store};
      supervisor_.start(
          spawn_own(commands_.supervisor(ready_fd_.is_open(), lock_.is_open(),
                                         store >= 0),
                    fds));
    } else {
      supervisor_.start(core::fail(EMFILE, "socketpair"));
    }
    ready_fd_.reset();
    new_store_end_.reset();
    if (!supervisor_.is_running()) return;
    link_ = Link(std::move(pair->first));
    ++supervisor_starts_;
  }

  void supervisor_started() {
    supervisor_.read_start();
    if (supervisor_.start_code() == 0) return;
    Sentence sentence("cannot execute '");
    sentence.append(commands_.supervisor_name()).append("': ");
    say(sentence.append(std::strerror(supervisor_.start_code())).view());
    // Nobody relies on us yet: whoever started us is better told so.
    if (supervisor_starts_ == 1 && !is_revival_ &&
        (::getpid() != 1 || commands_.is_for_units()))
      end(supervisor_.start_code() == ENOENT ? 127 : 126);
  }

  void supervisor_ended() {
    serve_link();  // what it ordered before its end is still an order
    const auto dead = supervisor_.take_end();
    if (!dead) return;
    close_link();
    const core::BootTime now = sys::boot_now();
    if (is_ending_) return sweep_at(now + kLastWork);
    const auto pause = supervisor_.is_pausing(now)
                           ? supervisor_.next_start() - now
                           : core::Microseconds();
    const bool is_last = !is_worth_another(dead->wait_status, pause);
    say(describe_end("the supervisor", dead->wait_status,
                     is_last ? core::Microseconds() : pause)
            .view());
    if (pause.raw() != 0 && signals_.stop_signal() != 0)
      return give_up(signals_.stop_signal());
    if (!is_last) return;
    say("the supervisor cannot start");
    end(core::status_is_exit(dead->wait_status)
            ? core::exit_code_of(dead->wait_status)
            : 128 + core::signal_of(dead->wait_status));
  }

  /// An instance that was never ready, and has nobody to look after, is better
  /// ended than tried for ever. A machine's PID 1 must stay.
  [[nodiscard]] bool is_worth_another(std::int32_t wait_status,
                                      core::Microseconds pause) const {
    const bool must_stay = ::getpid() == 1 && !commands_.is_for_units();
    return has_served_ || must_stay || memory_.children.size() != 0 ||
           may_yet_work(wait_status, pause);
  }

  /// That it had come to work stays known until its end is taken: a supervisor
  /// that was killed is followed at once.
  void close_link() {
    link_.close();
    if (std::exchange(has_asked_, false)) next_image_.tell_again();
  }

  /// Ends when no child lives any more.
  void end(int code) {
    is_ending_ = true;
    exit_code_ = code;
  }

  // --- children ---

  void reap() {
    reap_own();
    while (!ring_.is_full() || is_alone()) {
      const auto child = peek_dead_child();
      if (!child) break;
      reap(*child);
    }
    if (is_sweeping_) sweep();
  }

  void reap(const DeadChild& child) {
    if (is_own(child.pid)) return reap_own();
    if (!ring_.is_full()) record(child);
    (void)take_dead_child(child.pid);
  }

  /// Nobody will ever ask for records again.
  [[nodiscard]] bool is_alone() const {
    return is_ending_ && !supervisor_.is_running();
  }

  [[nodiscard]] bool is_own(core::Pid pid) const {
    return pid == supervisor_.pid() || pid == keeper_.pid() ||
           pid == next_image_.checker();
  }

  /// By pid: when the ring is full they would hide behind other zombies.
  void reap_own() {
    if (supervisor_.is_running()) supervisor_ended();
    keeper_.take_end();
    next_image_.take_end();
  }

  void record(const DeadChild& child) {
    launcher_.settle_process(child.pid);
    const KnownChild known = memory_.children.find(child.pid);
    if (known.pid == 0 && is_crowd_skipped_ &&
        !first_few_.takes(sys::boot_now()))
      return;
    core::ExitRecord record = look_at(child, known.pid != 0);
    if (known.pid != 0) {
      record.order = known.order;
      record.jid = known.jid;
      record.mark(core::Counters::kJob);
      memory_.children.forget(child.pid);
    }
    ring_.push(record);
  }

  /// Where somebody else counts whatever ends, what a main process used is in
  /// the report of its job, and of the others their job alone is not known.
  [[nodiscard]] core::ExitRecord look_at(const DeadChild& child,
                                         bool is_known) const {
    if (!are_counted_) return examine(child);
    core::ExitRecord record =
        examine(child, is_known ? Wanted::kIo : Wanted::kUsage);
    if (!is_known)
      add_job(record);
    else if (const auto stat = sys::read_proc_stat(child.pid))
      detail::add_stat(record, *stat);
    return record;
  }

  /// An init of units ends with its instance. Any other reaper stays while
  /// somebody lives whom the supervisor left to live.
  void sweep_at(core::BootTime time) {
    if (commands_.is_for_units()) sweep_at_ = time;
  }

  /// Whoever is left belongs to no job, or to one that could not be ended.
  void sweep_up() {
    supervisor_.finish_off();  // it has said its last word
    is_sweeping_ = true;
    sweep();
  }

  void sweep() {
    const core::Pid outsiders[] = {keeper_.pid()};
    Sweep sweep(core::Pid(::getpid()), outsiders);
    (void)sweep.kill_all();  // again at the next end of a child
  }

  // --- signals ---

  void take_signal() {
    signalfd_siginfo info = {};
    if (::read(other_signals_.get(), &info, sizeof info) != sizeof info) return;
    const int signal = static_cast<int>(info.ssi_signo);
    if (!supervisor_.is_working) {
      if (core::is_stop_signal(signal)) give_up(signal);
      return;
    }
    signals_.take(info);
    if (signals_.stop_signal() != 0) show_ending();
  }

  /// There is no supervisor that could end the jobs in order.
  void give_up(int signal) {
    say("there is no supervisor; killing all children");
    end(128 + signal);
    is_sweeping_ = true;
    reap();
  }

  /// One at a time: the others wait in the kernel. Without a supervisor they
  /// wait for the next, unless none will come at once.
  [[nodiscard]] bool listens_to_signals() const {
    if (supervisor_.is_working) return !signals_.is_full();
    if (supervisor_.is_running() || is_sweeping_) return false;
    return is_ending_ || supervisor_.is_pausing(sys::boot_now());
  }

  // --- the supervisor's link ---

  void serve_link() {
    while (link_.is_open()) {
      Received received;
      switch (link_.receive(memory_.buffer, received)) {
        case LinkState::kMessage:
          handle(received);
          break;
        case LinkState::kGarbage:
          ++garbage_;
          break;
        case LinkState::kEmpty:
          return;
        case LinkState::kClosed:
          close_link();
          // Without a link it is no supervisor, but how it ends it may still
          // say by its status.
          if (!is_ending_) supervisor_.await_end();
          return;
      }
    }
  }

  // What is said on it: reaper/supervisor_talk.h.
  void handle(Received& received);
  bool take_hello(Received& received);
  bool take_launch(Received& received);
  bool take_launch_ack(Received& received);
  bool take_record_ack(Received& received);
  bool take_barrier(Received& received);
  bool take_reexec(Received& received);
  bool take_shut_down(Received& received);
  bool take_ready(Received& received);
  bool take_lock(Received& received);
  bool take_held(Received& received);
  bool take_examine(Received& received);
  void flush();
  [[nodiscard]] Sent send_all();
  Sent send_welcome();
  Sent send_store_link();
  Sent send_refusal();
  Sent send_answers();
  Sent send_signal();
  Sent send_records();
  Sent send_barrier();

  // --- waiting ---

  void wait_and_serve() {
    PollSet<kFixedPolls + kOpenOrders> polls;
    const auto children = polls.add(child_signals_.get(), POLLIN);
    const auto signals =
        polls.add(listens_to_signals() ? other_signals_.get() : -1, POLLIN);
    const auto link =
        polls.add(link_.get(), wants_room_ ? POLLIN | POLLOUT : POLLIN);
    const auto store = polls.add(keeper_.link().get(), POLLIN);
    const auto start = polls.add(supervisor_.report().get(), POLLIN);
    std::size_t reports[kOpenOrders];
    const auto orders = launcher_.orders().all();
    for (std::size_t i = 0; i < orders.size(); ++i)
      reports[i] = polls.add(orders[i].report.get(), POLLIN);
    if (!polls.wait(milliseconds_to_wait())) return;
    for (std::size_t i = 0; i < orders.size(); ++i)
      if (polls.is_ready(reports[i])) launcher_.settle(orders[i]);
    if (polls.is_ready(start)) supervisor_started();
    if (polls.is_ready(link)) serve_link();
    if (polls.is_ready(store)) keeper_.serve(memory_.buffer);
    if (polls.is_ready(children)) take_child_signal();
    if (polls.is_ready(signals) && listens_to_signals()) take_signal();
    if (next_image_.take_acceptance()) become_next_image();
  }

  /// One at most is pending, about the first of perhaps many. That one is found
  /// by its number and told at once; the search for others goes through all who
  /// live, and the supervisor has work meanwhile.
  void take_child_signal() {
    signalfd_siginfo info = {};
    if (::read(child_signals_.get(), &info, sizeof info) != sizeof info) return;
    const core::Pid first(static_cast<std::int32_t>(info.ssi_pid));
    if (const auto child = peek_dead_child(first);
        child && !is_own(first) && !ring_.is_full()) {
      reap(*child);
      flush();
    }
    reap();
  }

  /// Until the earliest thing that no descriptor announces; -1: there is none.
  [[nodiscard]] int milliseconds_to_wait() {
    WaitTime time;
    time.consider(launcher_.next_deadline());
    time.consider(next_image_.deadline());
    time.consider(supervisor_.deadline());
    if (sweep_at_ && !is_sweeping_) time.consider(sweep_at_);
    if (!is_ending_) {
      time.consider(keeper_.next_start());
      if (!supervisor_.is_running()) time.consider(supervisor_.next_start());
    }
    return time.milliseconds(sys::boot_now());
  }

  // --- the next image (reaper/reexec.h) ---

  [[nodiscard]] core::Result<State> make_state();
  void become_next_image();

  const OwnCommands& commands_;
  FixedMemory& memory_;
  sys::UniqueFd child_signals_;
  sys::UniqueFd other_signals_;
  ExitRing ring_;
  Launcher launcher_;
  Keeper keeper_;
  Holdings holdings_;  ///< a next image is told them again
  OwnProcess supervisor_;
  Link link_;
  NextImage next_image_;
  sys::UniqueFd ready_fd_;
  sys::UniqueFd lock_;  ///< of the instance; every supervisor is handed it
  sys::UniqueFd new_store_end_;  ///< to be handed to the living supervisor
  SignalRelay signals_;
  std::optional<core::BootTime> sweep_at_;
  std::uint64_t next_record_ = 1;  ///< the first not sent to this supervisor
  std::uint64_t barrier_ = 0;      ///< to be answered; 0: none
  std::uint64_t generation_ = 0;
  std::uint64_t garbage_ = 0;
  std::uint32_t supervisor_starts_ = 0;
  int exit_code_ = 0;
  bool is_revival_ = false;
  bool has_served_ = false;  ///< a supervisor was ready
  bool has_asked_ = false;   ///< this supervisor, for a re-exec
  bool is_welcome_due_ = false;
  bool is_ending_ = false;
  bool is_sweeping_ = false;
  bool wants_room_ = false;
  bool are_counted_ = false;       ///< by somebody else: whatever ends in a job
  bool is_crowd_skipped_ = false;  ///< but for the first few
  FirstFew first_few_;
};

}  // namespace reaper
