// SPDX-License-Identifier: Apache-2.0
// Urgency: what ends jobs runs before everybody else, where it may: a scope, an
// entrypoint that has to kill, the supervisor, its killer, and `corral kill`.
// They sleep nearly all the time; but when a job is to be ended they compete
// with all of it that is not stopped yet, and a fork bomb is a few hundred for
// each processor. Measured: a scope was 10 s late even to see that the time was
// up, and `corral kill` of a full bomb of 3,000 was not over in 25 s, 0.42 s
// with this.
#pragma once

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace sys {

namespace detail {

/// The lowest real-time priority; `policy` with or without
/// SCHED_RESET_ON_FORK. By the system call: musl's function only says ENOSYS.
inline bool set_real_time(pid_t pid, int policy) {
  sched_param first = {};
  first.sched_priority = 1;
  return ::syscall(SYS_sched_setscheduler, pid, policy, &first) == 0;
}

/// struct sched_attr of sched_setattr(2); the C libraries have none or theirs.
struct SchedulingAttributes {
  std::uint32_t size = sizeof(SchedulingAttributes);
  std::uint32_t policy = SCHED_OTHER;
  std::uint64_t flags = 1;  ///< SCHED_FLAG_RESET_ON_FORK
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime_ns = 0;
  std::uint64_t deadline_ns = 0;
  std::uint64_t period_ns = 0;
};
static_assert(sizeof(SchedulingAttributes) == 48);

constexpr std::uint64_t kShortestTurn = 100'000;  // nanoseconds, sched(7)

}  // namespace detail

/// Short turns that come soon, in place of long ones that come late: since
/// Linux 6.12 everybody may ask for them; earlier kernels pay no heed. What the
/// process forks from then on has the usual ones.
inline void take_short_turns(pid_t pid = 0) {
  // Who was given another policy keeps it.
  if (::syscall(SYS_sched_getscheduler, pid) != SCHED_OTHER) return;
  detail::SchedulingAttributes attributes;
  attributes.nice = ::getpriority(PRIO_PROCESS, static_cast<id_t>(pid));
  attributes.runtime_ns = detail::kShortestTurn;
  (void)::syscall(SYS_sched_setattr, pid, &attributes, 0);
}

/// Gives the process (0: this one) real-time priority where that is allowed
/// (CAP_SYS_NICE, RLIMIT_RTPRIO), else the best nice value that is
/// (RLIMIT_NICE) and short turns. SCHED_RR: with SCHED_FIFO one of us that
/// never slept would keep the others from running. What it forks from then on
/// runs at the usual priority again (sched(7), SCHED_RESET_ON_FORK), not at the
/// caller's.
inline void become_urgent(pid_t pid = 0) {
  constexpr int kBestNice = -20;
  if (detail::set_real_time(pid, SCHED_RR | SCHED_RESET_ON_FORK)) return;
  for (int nice = kBestNice; nice < 0; ++nice)
    if (::setpriority(PRIO_PROCESS, static_cast<id_t>(pid), nice) == 0) break;
  take_short_turns(pid);
}

/// While one lives, a real-time process is an ordinary one, though the first of
/// them (nice -20, short turns): for waitid(2). To release a dead process the
/// kernel drops its directory in /proc, and spins as long as somebody else
/// holds a part of it: a thread of it that is just dying, a monitor that reads
/// there. Those are ordinary processes, whom real-time priority would keep from
/// letting go: for the 0.95 s of sched_rt_runtime_us, and for ever where that
/// is off. Measured: half of the deaths whose process had lost its first thread
/// before.
class UsualPriority {
 public:
  explicit UsualPriority(bool may_be_urgent = true)
      : is_urgent_(may_be_urgent && ::syscall(SYS_sched_getscheduler, 0) ==
                                        (SCHED_RR | SCHED_RESET_ON_FORK)) {
    if (!is_urgent_) return;
    detail::SchedulingAttributes first;
    first.nice = -20;
    first.runtime_ns = detail::kShortestTurn;
    if (::syscall(SYS_sched_setattr, 0, &first, 0) == 0) return;
    first.nice = ::getpriority(PRIO_PROCESS, 0);  // who may not go first
    (void)::syscall(SYS_sched_setattr, 0, &first, 0);
  }
  UsualPriority(const UsualPriority&) = delete;
  UsualPriority& operator=(const UsualPriority&) = delete;
  ~UsualPriority() {
    if (is_urgent_)
      (void)detail::set_real_time(0, SCHED_RR | SCHED_RESET_ON_FORK);
  }

 private:
  bool is_urgent_;
};

/// While one lives, what an urgent process forks is born urgent, as far as that
/// is allowed (CAP_SYS_NICE).
class UrgentBirths {
 public:
  explicit UrgentBirths(bool is_wanted)
      : is_wanted_(is_wanted && ::sched_getscheduler(0) ==
                                    (SCHED_RR | SCHED_RESET_ON_FORK)) {
    if (is_wanted_) (void)detail::set_real_time(0, SCHED_RR);
  }
  UrgentBirths(const UrgentBirths&) = delete;
  UrgentBirths& operator=(const UrgentBirths&) = delete;
  ~UrgentBirths() {
    if (is_wanted_)
      (void)detail::set_real_time(0, SCHED_RR | SCHED_RESET_ON_FORK);
  }

 private:
  bool is_wanted_;
};

}  // namespace sys
