// SPDX-License-Identifier: Apache-2.0
// A text as one word of a shell's command line, for commands that we advise.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/printable.h"

namespace core {

/// `text` with a backslash before what a shell would not take as it is. Nothing
/// if that cannot be shown and copied (a newline, bytes that are no UTF-8).
[[nodiscard]] inline std::optional<std::string> shell_word(
    std::string_view text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/_.,:@%+-";
  if (text.empty() || printable(text) != text) return std::nullopt;
  std::string word;
  for (const char c : text) {
    const bool is_ascii = static_cast<unsigned char>(c) < 0x80;
    if (is_ascii && !kPlain.contains(c)) word += '\\';
    word += c;
  }
  return word;
}

}  // namespace core
