// SPDX-License-Identifier: Apache-2.0
// Sweep: signalling all that descends from one process, without a cgroup. A
// process that was sent SIGSTOP makes no child any more (fork(2) starts again
// as long as a signal is pending, and then it stops), so the descendants are
// stopped, reading /proc anew until a reading finds nobody who runs, and only
// then killed: what is killed leaves no gap that a fork bomb could grow into.
//
// Every signal goes through a pidfd whose process was looked at again after the
// pidfd was made: it cannot hit a stranger who got the number later.
#pragma once

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "core/error.h"
#include "core/ids.h"
#include "core/text.h"
#include "reaper/family.h"
#include "sys/pid_fd.h"
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

/// Runs before everybody else for its lifetime, where we may: a sweep competes
/// with all that it has not stopped yet.
class Urgency {
 public:
  Urgency() {
    // musl's functions of these names only say ENOSYS.
    policy_ = ::syscall(SYS_sched_getscheduler, 0);
    (void)::syscall(SYS_sched_getparam, 0, &parameters_);
    sched_param first = {};
    first.sched_priority = 1;
    (void)::syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &first);
  }
  Urgency(const Urgency&) = delete;
  Urgency& operator=(const Urgency&) = delete;
  ~Urgency() {
    (void)::syscall(SYS_sched_setscheduler, 0, policy_, &parameters_);
  }

 private:
  long policy_ = SCHED_OTHER;
  sched_param parameters_ = {};
};

constexpr bool is_dead(const sys::ProcStat& stat) {
  return stat.state == 'Z' || stat.state == 'X' || stat.state == 'x';
}
/// Stopped, or held by a tracer: it runs no more.
constexpr bool is_stopped(const sys::ProcStat& stat) {
  return stat.state == 'T' || stat.state == 't';
}

/// Signals the very process that `stat` was read of. Whether it was signalled.
inline bool signal_process(const sys::ProcStat& stat,
                           core::SignalNumber signal) {
  const core::Pid pid(stat.pid);
  const auto pidfd = sys::PidFd::open(pid);
  if (!pidfd) return false;
  const auto again = sys::read_proc_stat(pid);
  if (!again || again->start_ticks != stat.start_ticks) return false;
  return pidfd->signal(signal).has_value();
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
        [&](const sys::ProcStat& stat) { survivors.add(stat.name()); }));
    return survivors;
  }

  /// Sends `signal` to every living descendant; returns to how many.
  [[nodiscard]] core::Result<std::uint32_t> signal_all(
      core::SignalNumber signal) {
    std::uint32_t count = 0;
    TRY(for_each_living([&](const sys::ProcStat& stat) {
      if (detail::signal_process(stat, signal)) ++count;
    }));
    return count;
  }

  /// Stops all, then kills all; returns how many it killed. Those who came to
  /// be in between are the next call's: it is to be called until nobody is
  /// left.
  [[nodiscard]] core::Result<std::uint32_t> kill_all() {
    const detail::Urgency urgency;
    for (int i = 0; i < kMostReadings; ++i)
      if (TRY(stop_running()) == 0) break;
    return signal_all(core::SignalNumber(SIGKILL));
  }

 private:
  /// Somebody outside may go on waking what we stop: no reason not to kill.
  static constexpr int kMostReadings = 16;

  template <class Visit>
  [[nodiscard]] core::Result<void> for_each_living(Visit&& visit) {
    return family_.for_each_descendant([&](const sys::ProcStat& stat) {
      if (!detail::is_dead(stat)) visit(stat);
    });
  }

  [[nodiscard]] core::Result<std::uint32_t> stop_running() {
    std::uint32_t count = 0;
    TRY(for_each_living([&](const sys::ProcStat& stat) {
      if (detail::is_stopped(stat)) return;
      if (detail::signal_process(stat, core::SignalNumber(SIGSTOP))) ++count;
    }));
    return count;
  }

  Family family_;
};

}  // namespace reaper
