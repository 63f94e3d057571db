// SPDX-License-Identifier: Apache-2.0
// Brings the programs that tell of forks, execs and exits into the kernel, by
// libbpf. They are in this program (collect/events.bpf.c).
#pragma once

#include <array>
#include <string>

#include "sys/kernel_events.h"
#include "sys/unique_fd.h"

namespace collect {

struct LoadedEvents {
  int code = 0;  ///< errno; 0: they run
  std::string why;
  std::array<sys::UniqueFd, CORRAL_EVENT_PARTS> parts;
};

/// Loads and attaches them.
[[nodiscard]] LoadedEvents load_events();

}  // namespace collect
