// SPDX-License-Identifier: Apache-2.0
// What corral-collect says to who started it (collect/main.cc): one packet,
// with the descriptors of what it loaded, in this order; or without, and why.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace accounting {

/// The descriptors of a collector that runs. It ends when all of its links are
/// closed.
enum class CollectorPart : std::uint8_t {
  kLink = 0,     ///< between the program and the exit of processes
  kJobs = 1,     ///< map: cgroup -> corral_job
  kRing = 2,     ///< map: the ring
  kControl = 3,  ///< map: corral_control
  kMembers = 4,  ///< map: who is followed
  kForked = 5,   ///< the program that follows children
};
inline constexpr std::size_t kCollectorParts = 6;

inline constexpr std::uint32_t kCollectorMagic = 0x314C4F43U;  // "COL1"

struct CollectorReply {
  std::uint32_t magic = kCollectorMagic;
  std::int32_t code = 0;  ///< errno; 0: it runs
  std::uint64_t ring_size = 0;
  char why[240] = {};  ///< a failure, or what is less than it could be

  void say(std::string_view text) {
    const std::size_t size = std::min(text.size(), sizeof why - 1);
    std::memcpy(why, text.data(), size);
    why[size] = '\0';
  }
};

}  // namespace accounting
