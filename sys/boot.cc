// SPDX-License-Identifier: Apache-2.0
#include "sys/boot.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <string_view>

#include "sys/clock.h"
#include "sys/read_file.h"

namespace sys {

namespace {

std::optional<std::uint8_t> digit_of(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  return std::nullopt;
}

/// "5ccc9d1e-...": all 32 digits, or nothing.
BootId id_of(std::string_view text) {
  BootId id = {};
  std::size_t digits = 0;
  for (const char c : text) {
    const auto digit = digit_of(c);
    if (!digit || digits == 2 * id.size()) continue;
    std::uint8_t& byte = id[digits / 2];
    byte = static_cast<std::uint8_t>((byte << 4U) | *digit);
    ++digits;
  }
  return digits == 2 * id.size() ? id : BootId{};
}

/// Seconds by which the namespace's CLOCK_BOOTTIME is ahead; 0 where there is
/// no such namespace.
std::uint64_t namespace_offset() {
  char buffer[256];
  const auto read = read_small_file("/proc/self/timens_offsets", buffer);
  if (!read) return 0;
  constexpr std::string_view kName = "boottime";
  const std::size_t at = read->find(kName);
  if (at == std::string_view::npos) return 0;
  std::string_view rest = read->substr(at + kName.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  std::int64_t seconds = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), seconds);
  return static_cast<std::uint64_t>(seconds);
}

}  // namespace

Boot this_boot() {
  Boot boot;
  char buffer[64];
  const auto text = read_small_file("/proc/sys/kernel/random/boot_id", buffer);
  if (text) boot.id = id_of(*text);
  if (boot.id != BootId{}) {
    const std::uint64_t offset = namespace_offset();
    for (std::size_t i = 0; i < sizeof offset; ++i)
      boot.id[i] = static_cast<std::uint8_t>(boot.id[i] ^ (offset >> (8 * i)));
  }
  const core::Moment now = sys::now();
  boot.began = core::RealTime(now.real.raw() - now.boot.raw());
  return boot;
}

}  // namespace sys
