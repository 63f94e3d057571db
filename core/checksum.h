// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli, RFC 3720 appendix B.4) for rings, journals and records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace core {

namespace detail {
constexpr std::uint32_t kCastagnoliReversed = 0x82F63B78U;

// What is compiled for size (the reaper, which sums small records) goes by half
// bytes: a table of 64 bytes instead of 1 KiB.
#ifdef __OPTIMIZE_SIZE__
constexpr unsigned kCrcBits = 4;
#else
constexpr unsigned kCrcBits = 8;
#endif
constexpr std::uint32_t kCrcEntries = 1U << kCrcBits;

consteval auto make_crc_table() {
  struct Table {
    std::uint32_t entry[kCrcEntries] = {};
  } table;
  for (std::uint32_t i = 0; i < kCrcEntries; ++i) {
    std::uint32_t crc = i;
    for (unsigned bit = 0; bit < kCrcBits; ++bit)
      crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? kCastagnoliReversed : 0);
    table.entry[i] = crc;
  }
  return table;
}
inline constexpr auto kCrcTable = make_crc_table();
}  // namespace detail

/// The checksum of `bytes`; `seed` continues an earlier checksum.
constexpr std::uint32_t crc32c(std::span<const std::byte> bytes,
                               std::uint32_t seed = 0) {
  std::uint32_t crc = ~seed;
  for (const std::byte b : bytes) {
    crc ^= std::to_integer<std::uint32_t>(b);
    for (unsigned done = 0; done < 8; done += detail::kCrcBits)
      crc = (crc >> detail::kCrcBits) ^
            detail::kCrcTable.entry[crc % detail::kCrcEntries];
  }
  return ~crc;
}

/// The checksum of the first `size` bytes of a trivially copyable value.
template <class T>
std::uint32_t crc32c_of(const T& value, std::size_t size) {
  return crc32c(std::as_bytes(std::span(&value, 1)).first(size));
}

}  // namespace core
