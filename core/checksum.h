// SPDX-License-Identifier: Apache-2.0
// CRC-32C (Castagnoli, RFC 3720 appendix B.4) for rings, journals and records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace core {

namespace detail {
constexpr std::uint32_t kCastagnoliReversed = 0x82F63B78U;

consteval auto make_crc_table() {
  struct Table {
    std::uint32_t entry[256] = {};
  } table;
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit)
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
    const auto index = (crc ^ std::to_integer<std::uint32_t>(b)) & 0xFFU;
    crc = (crc >> 8U) ^ detail::kCrcTable.entry[index];
  }
  return ~crc;
}

/// The checksum of the first `size` bytes of a trivially copyable value.
template <class T>
std::uint32_t crc32c_of(const T& value, std::size_t size) {
  return crc32c(std::as_bytes(std::span(&value, 1)).first(size));
}

}  // namespace core
