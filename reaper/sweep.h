// SPDX-License-Identifier: Apache-2.0
// Sweep: signalling all that descends from one process, without a cgroup. A
// process that was sent SIGSTOP makes no child any more (fork(2) starts again
// as long as a signal is pending, and then it stops), so the descendants are
// stopped, reading /proc anew until two readings find nobody new, and only
// then killed: what is killed leaves no gap that a fork bomb could grow into.
//
// Every signal goes through a pidfd that was made before its process was looked
// at: it cannot hit a stranger who got the number later.
#pragma once

#include <signal.h>

#include <cstdint>
#include <span>

#include "core/error.h"
#include "core/ids.h"
#include "core/kill_plan.h"
#include "core/text.h"
#include "reaper/family.h"
#include "reaper/own_namespace.h"
#include "sys/pid_fd.h"
#include "sys/pid_table.h"
#include "sys/proc_files.h"

namespace reaper {

/// Who is left of a job.
struct Survivors {
  std::uint32_t count = 0;
  core::Text<120> names;  ///< some of them: "sleep, sh, sh"

  void add(std::string_view name) {
    ++count;
    if (names.was_cut()) return;
    if (!names.empty()) names.append(", ");
    names.append(name);
  }
};

namespace detail {

/// Sends signals to that very process. Whether it got one of them.
inline bool signal_process(const sys::ListedProcess& process,
                           std::span<const core::SignalNumber> signals) {
  bool was_sent = false;
  for (const core::SignalNumber signal : signals) {
    if (process.pidfd.is_open()) {
      const auto sent = process.pidfd.signal(signal);
      was_sent |= sent.has_value();
      if (sent || sent.error().code == ESRCH) continue;
    }
    // No pidfds here, or no descriptor left: the number may be another's.
    const auto again = sys::read_proc_stat(core::Pid(process.pid));
    was_sent |= again && again->start_ticks == process.start_ticks &&
                ::kill(process.pid, signal.raw()) == 0;
  }
  return was_sent;
}

}  // namespace detail

class Sweep {
 public:
  Sweep(core::Pid root, std::span<const core::Pid> outsiders)
      : family_(root, outsiders) {}

  /// The living descendants.
  [[nodiscard]] core::Result<Survivors> look() {
    Survivors survivors;
    TRY(for_each_living(
        sys::ListedFor::kReading,
        [&](const sys::ProcStat& stat) { survivors.add(stat.name()); }));
    return survivors;
  }

  /// Sends `signal` to every living descendant once; returns to how many. It
  /// reads again when it found somebody: a child that was forked behind one
  /// reading by a parent that had not been signalled yet gets it too. Who forks
  /// all the time is not chased: that is what kill_all() is for.
  [[nodiscard]] core::Result<std::uint32_t> signal_all(
      core::SignalNumber signal) {
    return send_all({&signal, 1}, core::kEndOfTime);
  }

  /// Asks everybody to end, and wakes who is stopped to hear it; nobody any
  /// more once it is `until`. Beside a job that leaves a sweep no processor it
  /// would take longer than the whole grace.
  [[nodiscard]] core::Result<std::uint32_t> ask_all(core::SignalNumber signal,
                                                    core::BootTime until) {
    const core::SignalNumber signals[] = {signal, core::kSigcont};
    return send_all(signals, until);
  }

  /// Stops all, then kills all; returns whom. Those who came to be in between
  /// are the next call's: it is to be called until nobody is left.
  [[nodiscard]] core::Result<Survivors> kill_all() {
    Survivors killed;
    TRY(was_seen_.clear());
    int quiet = 0;
    constexpr core::SignalNumber kStop{SIGSTOP};
    for (int i = 0; i < kMostReadings && quiet < kEnoughQuiet; ++i)
      quiet = TRY(signal_new({&kStop, 1}, core::kEndOfTime, &killed)) == 0
                  ? quiet + 1
                  : 0;
    (void)TRY(signal_all(core::kSigkill));
    return killed;
  }

 private:
  static constexpr int kMostReadings = 16;
  static constexpr int kMostAskings = 3;
  /// A child that a process made just before it was stopped can have a pid
  /// behind the place where /proc is being read; the next reading finds it.
  static constexpr int kEnoughQuiet = 2;

  [[nodiscard]] core::Result<void> for_each_living(
      sys::ListedFor purpose, const Family::Visitor& visit,
      core::BootTime until = core::kEndOfTime) {
    return family_.for_each_descendant(
        purpose,
        [&](const sys::ListedProcess& process) {
          if (!process.is_dead() && !is_namespace_init(process.pid))
            visit(process);
        },
        until);
  }

  [[nodiscard]] core::Result<std::uint32_t> send_all(
      std::span<const core::SignalNumber> signals, core::BootTime until) {
    TRY(was_seen_.clear());
    std::uint32_t count = 0;
    std::uint32_t fresh = 1;
    for (int i = 0; i < kMostAskings && fresh > 0; ++i)
      count += fresh = TRY(signal_new(signals, until));
    return count;
  }

  /// Signals those who were not seen before. One that was sent SIGSTOP need not
  /// have stopped yet: a pending one is enough.
  [[nodiscard]] core::Result<std::uint32_t> signal_new(
      std::span<const core::SignalNumber> signals, core::BootTime until,
      Survivors* whom = nullptr) {
    std::uint32_t count = 0;
    TRY(for_each_living(
        sys::ListedFor::kSignalling,
        [&](const sys::ListedProcess& process) {
          std::uint8_t& was_seen = was_seen_[process.pid];
          if (was_seen != 0) return;
          was_seen = 1;
          if (!detail::signal_process(process, signals)) return;
          ++count;
          if (whom != nullptr) whom->add(process.name());
        },
        until));
    return count;
  }

  Family family_;
  sys::PidTable was_seen_;
};

}  // namespace reaper
