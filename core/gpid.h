// SPDX-License-Identifier: Apache-2.0
// The number of a process in the whole cluster: 0 | node 20 | boot epoch of
// the node 21 | pid 22. Without a cluster node and epoch are 0, and it is the
// pid: what was written down with it stays true when a cluster comes.
#pragma once

#include <cstdint>

#include "core/ids.h"

namespace core {

using GlobalPid = Strong<struct GlobalPidTag, std::uint64_t>;

struct Node {
  std::uint32_t number = 0;  ///< of 20 bits; 0: no cluster
  std::uint32_t epoch = 0;   ///< of 21 bits: how often it was booted
};

constexpr GlobalPid make_gpid(const Node& node, Pid pid) {
  constexpr std::uint64_t kNodeBits = (1U << 20U) - 1;
  constexpr std::uint64_t kEpochBits = (1U << 21U) - 1;
  constexpr std::uint64_t kPidBits = (1U << 22U) - 1;
  return GlobalPid((node.number & kNodeBits) << 43U |
                   (node.epoch & kEpochBits) << 22U |
                   (static_cast<std::uint64_t>(pid.raw()) & kPidBits));
}

}  // namespace core
