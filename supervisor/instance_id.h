// SPDX-License-Identifier: Apache-2.0
// The host id in the jids of an instance: 0 for a system instance, a random
// number with the top bit set for a private one, written into its runtime
// directory so that an instance that lost its journal still knows its jobs'
// containers from those of others.
#pragma once

#include <cstdint>

#include "core/error.h"
#include "sys/places.h"

namespace supervisor {

/// The hid for a new journal. Errors: those of getrandom(2).
[[nodiscard]] core::Result<std::uint32_t> hid_for(const sys::Places& places);

/// The instance ends and leaves nothing behind: the next one is another.
void forget_hid(const sys::Places& places);

}  // namespace supervisor
