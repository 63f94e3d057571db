// SPDX-License-Identifier: Apache-2.0
// The clocks as values (clock_gettime(2)).
#pragma once

#include <time.h>

#include <cstdint>

#include "core/quantity.h"

namespace sys {

inline std::uint64_t read_clock_us(clockid_t clock) {
  timespec now = {};
  (void)::clock_gettime(clock, &now);  // cannot fail for these clocks
  return static_cast<std::uint64_t>(now.tv_sec) * 1000000U +
         static_cast<std::uint64_t>(now.tv_nsec) / 1000U;
}

inline core::BootTime boot_now() {
  return core::BootTime(read_clock_us(CLOCK_BOOTTIME));
}
inline core::RealTime real_now() {
  return core::RealTime(read_clock_us(CLOCK_REALTIME));
}
inline core::Moment now() {
  return {.boot = boot_now(), .real = real_now()};
}

}  // namespace sys
