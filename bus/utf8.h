// SPDX-License-Identifier: Apache-2.0
// Which texts D-Bus can carry as strings (D-Bus specification, "Marshalling":
// UTF-8 without NUL), and how others are shown. Arguments, directories and
// process names are bytes to the kernel.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bus {

/// The length of the well-formed UTF-8 character at the start of `text`
/// (RFC 3629: shortest form, no surrogates, up to U+10FFFF); 0: there is none.
constexpr std::size_t utf8_length(std::string_view text) {
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

/// The text with each byte that is not UTF-8 replaced by U+FFFD: for showing.
inline std::string to_utf8(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) shown.append("\xEF\xBF\xBD");
    shown.append(text.substr(0, length));
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return shown;
}

}  // namespace bus
