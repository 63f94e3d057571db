// SPDX-License-Identifier: Apache-2.0
// What the reaper daemon must have before it begins, because getting it could
// fail, and what lies in memory that is its own from the start.
#pragma once

#include "reaper/child_table.h"
#include "reaper/exit_ring.h"
#include "reaper/link.h"
#include "sys/shared_memory.h"
#include "sys/unique_fd.h"

namespace reaper {

/// What lies in fixed memory: too large for a stack, and there is no heap.
struct FixedMemory {
  ChildTable children;
  PacketBuffer buffer = {};
};

/// What must have been got before anything can go wrong.
struct Essentials {
  sys::UniqueFd child_signals;  ///< SIGCHLD
  sys::UniqueFd other_signals;
  ExitRing ring;
  sys::SharedMemory stages;
};

}  // namespace reaper
