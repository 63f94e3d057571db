// SPDX-License-Identifier: Apache-2.0
// How large the eBPF collector's ring may be: 64 MiB, or less where memory is
// short.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>

namespace collect {

inline constexpr std::uint64_t kUsualRing = std::uint64_t{64} << 20U;
inline constexpr std::uint64_t kSmallestRing = std::uint64_t{1} << 20U;

struct RingChoice {
  std::uint64_t size = 0;  ///< bytes, a power of two
  std::string why;         ///< empty: it is the usual size
};

/// `asked`: a power of two, in the place of what is usual; 0: nobody asked.
/// `available`: bytes of memory (MemAvailable); 0: not known.
[[nodiscard]] inline RingChoice choose_ring(std::uint64_t asked,
                                            std::uint64_t available) {
  constexpr std::uint64_t kShare = 32;  // so much of it is taken at most
  if (asked != 0)
    return {.size = asked,
            .why = "its ring has " + std::to_string(asked >> 20U) +
                   " MiB, as the site's settings say"};
  if (available == 0 || available / kShare >= kUsualRing)
    return {.size = kUsualRing, .why = {}};
  const std::uint64_t size =
      std::max(std::bit_floor(available / kShare), kSmallestRing);
  return {.size = size,
          .why = "memory is short (" + std::to_string(available >> 20U) +
                 " MiB are available), so its ring has " +
                 std::to_string(size >> 20U) + " MiB instead of 64"};
}

}  // namespace collect
