// SPDX-License-Identifier: Apache-2.0
// Which boot of the machine this is, as far as the kernel tells
// (/proc/sys/kernel/random/boot_id, time_namespaces(7)).
#pragma once

#include <array>
#include <cstdint>

#include "core/quantity.h"

namespace sys {

/// The kernel's random number of a boot. A time namespace with another boot
/// time is a boot of its own: its offset is mixed in. All 0: not known.
using BootId = std::array<std::uint8_t, 16>;

struct Boot {
  BootId id = {};
  /// By the clocks as they stand: it moves when somebody steps the clock.
  core::RealTime began;
};

[[nodiscard]] Boot this_boot();

}  // namespace sys
