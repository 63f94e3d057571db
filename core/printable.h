// SPDX-License-Identifier: Apache-2.0
// What people are shown of names, arguments and paths, with a heap. Without
// one: core::Text::append_printable().
#pragma once

#include <string>
#include <string_view>

#include "core/utf8.h"

namespace core {

/// `text` with every control character and every byte that is no UTF-8 as
/// \xNN.
[[nodiscard]] inline std::string printable(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = shown_length(text);
    const auto byte = static_cast<unsigned char>(text[0]);
    if (length == 0)
      shown.append({'\\', 'x', kDigits[byte >> 4U], kDigits[byte & 15U]});
    shown.append(text.substr(0, length));
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return shown;
}

}  // namespace core
