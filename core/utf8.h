// SPDX-License-Identifier: Apache-2.0
// Which bytes are text, and which of them a terminal may get: names, arguments
// and paths are bytes to the kernel. Pure and allocation free.
#pragma once

#include <cstddef>
#include <string_view>

namespace core {

/// The length of the well-formed UTF-8 character at the start of `text`, which
/// is not empty (RFC 3629: shortest form, no surrogates, up to U+10FFFF); 0:
/// there is none. NUL is none.
[[gnu::noinline]] constexpr std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return static_cast<unsigned>(static_cast<unsigned char>(text[i]));
  };
  const unsigned first = byte(0);
  if (first < 0x80) return first == 0 ? 0 : 1;
  std::size_t length = 2;
  if (first >= 0xE0) length = 3;
  if (first >= 0xF0) length = 4;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  const unsigned second = byte(1);
  const bool is_ill_formed =
      (first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) ||
      (first == 0xF0 && second < 0x90) || (first == 0xF4 && second > 0x8F);
  return is_ill_formed ? 0 : length;
}

constexpr bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

/// The length of the character at the start of `text` if it may be shown as it
/// is; 0: its first byte is shown as \xNN, for it is no UTF-8, or it begins a
/// control character (C0, DEL, C1), which could move a terminal's cursor.
constexpr std::size_t shown_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x20 || first == 0x7F) return 0;
  const std::size_t length = utf8_length(text);
  const bool is_c1 = length == 2 && first == 0xC2 &&
                     static_cast<unsigned char>(text[1]) < 0xA0;
  return is_c1 ? 0 : length;
}

}  // namespace core
