// SPDX-License-Identifier: Apache-2.0
// Brings the eBPF collector into the kernel, by libbpf. The program is in this
// one (collect/exit.bpf.c).
#pragma once

#include <cstdint>
#include <string>

#include "collect/ring_choice.h"
#include "sys/unique_fd.h"

namespace collect {

struct Loaded {
  int code = 0;     ///< errno; 0: it runs
  std::string why;  ///< a failure; or what is less than it could be
  std::uint64_t ring_size = 0;
  sys::UniqueFd link;
  sys::UniqueFd jobs;
  sys::UniqueFd ring;
  sys::UniqueFd control;
  sys::UniqueFd members;
  sys::UniqueFd forked;  ///< the program of forks, not attached
};

/// Loads and attaches it. `is_trial`: only loads it, with a small ring.
[[nodiscard]] Loaded load(const RingChoice& ring, bool is_trial);

}  // namespace collect
