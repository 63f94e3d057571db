// SPDX-License-Identifier: Apache-2.0
// CRC-32C against the examples of RFC 3720, appendix B.4, and the check value
// that catalogues of checksums give.
#include "core/checksum.h"

#include <array>
#include <string_view>

#include <doctest/doctest.h>

namespace {

std::uint32_t checksum_of(std::string_view text) {
  return core::crc32c(std::as_bytes(std::span(text)));
}

}  // namespace

TEST_CASE("the known values") {
  CHECK(checksum_of("") == 0);
  CHECK(checksum_of("123456789") == 0xE3069283U);
  std::array<std::byte, 32> bytes = {};
  CHECK(core::crc32c(bytes) == 0x8A9136AAU);
  bytes.fill(std::byte{0xFF});
  CHECK(core::crc32c(bytes) == 0x62A8AB43U);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = std::byte(i);
  CHECK(core::crc32c(bytes) == 0x46DD794EU);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = std::byte(31 - i);
  CHECK(core::crc32c(bytes) == 0x113FDB5CU);
}

TEST_CASE("a checksum can be continued at any place") {
  constexpr std::string_view kText = "123456789";
  const auto bytes = std::as_bytes(std::span(kText));
  for (std::size_t split = 0; split <= kText.size(); ++split)
    CHECK(core::crc32c(bytes.subspan(split),
                       core::crc32c(bytes.first(split))) == 0xE3069283U);
}

TEST_CASE("a value's checksum is that of its bytes") {
  const std::uint32_t value = 0;
  CHECK(core::crc32c_of(value, 4) == 0x48674BC7U);
  CHECK(core::crc32c_of(value, 0) == 0);
}
