// SPDX-License-Identifier: Apache-2.0
// The reaper becomes its next image: everything it knows goes into a State,
// the descriptors it names stay open, and execve(2) keeps pid, children and
// blocked signals. If the exec fails nothing has changed.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include "core/text.h"
#include "reaper/supervise.h"
#include "reaper/supervisor_talk.h"

namespace reaper {

namespace detail {

inline void set_inheritance(int fd, int flags) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the call is so
  (void)::fcntl(fd, F_SETFD, flags);  // fails only if it is not open
}

/// FD_CLOEXEC or 0 for every descriptor that a state names.
inline void set_inheritance(const StateBody& body, int flags) {
  const std::int32_t fixed[] = {body.link_fd,       body.keeper_fd,
                                body.ring_fd,       body.stages_fd,
                                body.new_store_end, body.supervisor.pidfd,
                                body.store.pidfd};
  for (const std::int32_t fd : fixed)
    set_inheritance(fd, flags);
  if (body.lock_fd > 0) set_inheritance(body.lock_fd, flags);
  for (const SavedOrder& order : body.orders) {
    set_inheritance(order.pidfd, flags);
    set_inheritance(order.report_fd, flags);
  }
}

inline SavedProgram save(const OwnProcess& process) {
  return {.pid = process.pid().raw(),
          .pidfd = process.pidfd().get(),
          .began = process.began().raw()};
}

inline SavedOrder save(const OpenOrder& open) {
  SavedOrder saved;
  saved.epoch = open.epoch;
  saved.order = open.order;
  saved.deadline = open.deadline.raw();
  saved.state = static_cast<std::uint32_t>(open.state);
  saved.is_wanted = open.is_wanted ? 1 : 0;
  saved.pid = open.pid.raw();
  saved.failed_stage = static_cast<std::uint32_t>(open.failure.stage);
  saved.failed_code = open.failure.code;
  saved.pidfd = open.pidfd.get();
  saved.report_fd = open.report.get();
  return saved;
}

inline OpenOrder restored(const SavedOrder& saved) {
  OpenOrder open;
  open.epoch = saved.epoch;
  open.order = saved.order;
  open.deadline = core::BootTime(saved.deadline);
  open.state = static_cast<OpenOrder::State>(saved.state);
  open.is_wanted = saved.is_wanted != 0;
  open.pid = core::Pid(saved.pid);
  open.failure = {.stage = static_cast<core::LaunchStage>(saved.failed_stage),
                  .code = saved.failed_code};
  open.pidfd = sys::PidFd(sys::UniqueFd(saved.pidfd));
  open.report = sys::UniqueFd(saved.report_fd);
  return open;
}

}  // namespace detail

inline core::Result<State> Daemon::make_state() {
  StateBody body;
  body.epoch = launcher_.epoch();
  body.generation = generation_;
  body.next_record = next_record_;
  body.supervisor = detail::save(supervisor_);
  body.store = detail::save(keeper_.process());
  body.link_fd = link_.get();
  body.keeper_fd = keeper_.link().get();
  body.ring_fd = ring_.descriptor().get();
  body.stages_fd = launcher_.stages().get();
  body.new_store_end = new_store_end_.get();
  body.lock_fd = lock_.is_open() ? lock_.get() : 0;
  body.supervisor_starts = supervisor_starts_;
  body.has_said_hello = supervisor_.is_working ? 1 : 0;
  body.is_ending = is_ending_ ? 1 : 0;
  body.exit_code = exit_code_;
  body.signal = signals_.save();
  const auto orders = launcher_.orders().all();
  for (std::size_t i = 0; i < orders.size(); ++i)
    body.orders[i] = detail::save(orders[i]);
  return State::make(body, memory_.children);
}

inline void Daemon::restore(const State& state) {
  const StateBody body = state.body();
  launcher_.restore_epoch(body.epoch);
  generation_ = body.generation + 1;
  next_record_ = body.next_record;
  link_ = Link(sys::UniqueFd(body.link_fd));
  supervisor_.restore(core::Pid(body.supervisor.pid),
                      sys::PidFd(sys::UniqueFd(body.supervisor.pidfd)),
                      core::BootTime(body.supervisor.began));
  supervisor_.is_working = body.has_said_hello != 0;
  keeper_.restore(Link(sys::UniqueFd(body.keeper_fd)),
                  core::Pid(body.store.pid),
                  sys::PidFd(sys::UniqueFd(body.store.pidfd)),
                  core::BootTime(body.store.began));
  new_store_end_ = sys::UniqueFd(body.new_store_end);
  if (body.lock_fd > 0) hold_lock(sys::UniqueFd(body.lock_fd));
  supervisor_starts_ = body.supervisor_starts;
  has_served_ = true;  // it was asked for by a client
  is_ending_ = body.is_ending != 0;
  exit_code_ = body.exit_code;
  signals_.restore(body.signal);
  const auto orders = launcher_.orders().all();
  for (std::size_t i = 0; i < orders.size(); ++i)
    orders[i] = detail::restored(body.orders[i]);
  state.read_children(memory_.children);
  // The supervisor learns by a second Welcome that we are another image.
  is_welcome_due_ = supervisor_.is_working;
  reap();
}

inline void Daemon::become_next_image() {
  const auto state = make_state();
  if (!state)
    return next_image_.refuse(state.error().code, "cannot write the state");
  const StateBody body = state->body();
  const int state_fd = state->descriptor().get();
  core::Text<12> number;
  number.append_number(state_fd);
  detail::set_inheritance(body, 0);
  detail::set_inheritance(state_fd, 0);
  CommandWords words = commands_.next_image(next_image_.path(), number.c_str());
  (void)::execve(next_image_.path(), words.words(), environ);
  const int code = errno;
  detail::set_inheritance(body, FD_CLOEXEC);
  next_image_.refuse(code, "it cannot be executed");
}

namespace detail {

/// Nothing that we were given leaks into a child: every descriptor from 3 on
/// closes on exec.
inline void close_all_on_exec() {
  constexpr unsigned kCloseRangeCloexec = 1U << 2;
  (void)::syscall(SYS_close_range, 3U, ~0U, kCloseRangeCloexec);
}

/// The two signal descriptors: SIGCHLD, and all the others.
inline core::Result<void> get_signals(Essentials& essentials) {
  const core::SignalNumber child(SIGCHLD);
  sys::SignalSet others = sys::SignalSet::all();
  others.remove(child);
  essentials.child_signals =
      TRY(sys::make_signal_fd(sys::SignalSet::of(child)));
  essentials.other_signals = TRY(sys::make_signal_fd(others));
  return {};
}

inline core::Result<void> make(Essentials& essentials,
                               const InstanceOptions& options) {
  TRY(get_signals(essentials));
  essentials.ring = TRY(ExitRing::make(options.ring_records));
  essentials.stages =
      TRY(sys::SharedMemory::make("corral-stages", Launcher::kStagesSize));
  return {};
}

/// The same, as an earlier image of us had it.
inline core::Result<void> adopt(Essentials& essentials, const State& state) {
  const StateBody body = state.body();
  TRY(get_signals(essentials));
  essentials.ring = TRY(ExitRing::adopt(sys::UniqueFd(body.ring_fd)));
  essentials.stages =
      TRY(sys::SharedMemory::map(sys::UniqueFd(body.stages_fd)));
  if (essentials.stages.bytes().size() < Launcher::kStagesSize)
    return core::fail(EBADMSG, "map the stages");
  return {};
}

/// Before anything else: no signal is lost or acted upon, every orphan falls
/// to us, and a stopped child wakes nobody.
inline void become_reaper() {
  (void)sys::set_signal_mask(sys::SignalSet::all());
  sys::set_default_actions();  // what we ignored, our children would ignore
  (void)sys::SignalAction(SIG_DFL, SA_NOCLDSTOP)
      .set_for(core::SignalNumber(SIGCHLD));
  if (::getpid() != 1) (void)::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  close_all_on_exec();
}

inline int fail_to_start(const core::Error& error) {
  say(error);
  return 1;
}

/// Goes on where the image before us stopped.
inline int go_on(const InstanceOptions& options, const OwnCommands& commands,
                 FixedMemory& memory) {
  const auto state = State::adopt(sys::UniqueFd(options.state_fd));
  if (!state) return fail_to_start(state.error());
  Essentials essentials;
  if (const auto adopted = adopt(essentials, *state); !adopted)
    return fail_to_start(adopted.error());
  Daemon daemon(commands, memory, std::move(essentials));
  daemon.restore(*state);
  return daemon.run();
}

inline int start_anew(const InstanceOptions& options,
                      const OwnCommands& commands, FixedMemory& memory) {
  Essentials essentials;
  if (const auto made = make(essentials, options); !made)
    return fail_to_start(made.error());
  Link keeper{sys::UniqueFd(options.keeper_fd)};
  if (keeper.is_open()) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the call is so
    (void)::fcntl(keeper.get(), F_SETFL, O_NONBLOCK);
    if (auto ring = fetch_ring(keeper, memory.buffer))
      essentials.ring = std::move(*ring);
  }
  Daemon daemon(commands, memory, std::move(essentials));
  daemon.give_ready_fd(sys::UniqueFd(options.ready_fd));
  daemon.hold_lock(sys::UniqueFd(options.lock_fd));
  if (keeper.is_open())
    daemon.adopt_store(std::move(keeper),
                       sys::PidFd(sys::UniqueFd(options.store_pidfd)));
  return daemon.run();
}

}  // namespace detail

inline int run_supervise(const InstanceOptions& options) {
  const bool has_supervisor = options.command_size > 0 || options.units;
  if (!has_supervisor || options.command_size > kMostWords) {
    say("--supervise expects '-- CORRALD ARGS...', of at most 120 words");
    return 2;
  }
  if (options.stop_timeout != nullptr && options.units == nullptr) {
    say("option '--stop-timeout' belongs to '--units'");
    return 2;
  }
  detail::become_reaper();
  static constinit FixedMemory memory;
  const OwnCommands commands(options);
  return options.state_fd >= 0 ? detail::go_on(options, commands, memory)
                               : detail::start_anew(options, commands, memory);
}

}  // namespace reaper
