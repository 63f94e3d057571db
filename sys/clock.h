// SPDX-License-Identifier: Apache-2.0
// The clocks as values (clock_gettime(2)).
#pragma once

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>

#include "core/quantity.h"

namespace sys {

/// struct __kernel_timespec of linux/time_types.h.
struct KernelTime {
  std::int64_t seconds = 0;
  std::int64_t nanoseconds = 0;
};

// On 32-bit machines the call without a suffix ends in 2038.
#ifdef SYS_clock_gettime64
inline constexpr long kClockGetTime = SYS_clock_gettime64;
#else
inline constexpr long kClockGetTime = SYS_clock_gettime;
#endif

inline std::uint64_t read_clock_us(clockid_t clock) {
  // Neither can fail for these clocks.
#ifdef __GLIBC__
  timespec now = {};
  (void)::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000000U +
         static_cast<std::uint64_t>(now.tv_nsec) / 1000U;
#else
  // The bare system call: the static C library looks for the vDSO first, which
  // costs a short-lived program more than a few readings save.
  KernelTime now;
  (void)::syscall(kClockGetTime, clock, &now);
  return static_cast<std::uint64_t>(now.seconds) * 1000000U +
         static_cast<std::uint64_t>(now.nanoseconds) / 1000U;
#endif
}

inline core::BootTime boot_now() {
  return core::BootTime(read_clock_us(CLOCK_BOOTTIME));
}
/// Whether it is `time`, which never is the end of time.
inline bool is_past(core::BootTime time) {
  return time != core::kEndOfTime && boot_now() >= time;
}
inline core::RealTime real_now() {
  return core::RealTime(read_clock_us(CLOCK_REALTIME));
}
inline core::Moment now() {
  return {.boot = boot_now(), .real = real_now()};
}

}  // namespace sys
