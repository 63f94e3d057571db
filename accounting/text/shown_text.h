// SPDX-License-Identifier: Apache-2.0
// Names out of records, for people: whoever runs a command chooses its name,
// and a terminal must not obey it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "core/utf8.h"

namespace accounting {

/// '?' for each byte that is not shown as it is (core::shown_length): of
/// control characters, those of ISO 6429 too, and of no UTF-8. The others stay
/// in their places.
inline void mask_text(std::span<char> text) {
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c >= ' ' && c < '\x7f') {  // most are
      ++at;
      continue;
    }
    const std::size_t length =
        core::shown_length({text.data() + at, text.size() - at});
    if (length == 0) text[at] = '?';
    at += std::max<std::size_t>(length, 1);
  }
}

/// A field with '?' for what is not shown. Lives as long as the
/// expression that it is made in.
template <std::size_t N>
class ShownText {
 public:
  explicit ShownText(const char (&field)[N]) {
    while (size_ < N && field[size_] != '\0') {
      text_[size_] = field[size_];
      ++size_;
    }
    mask_text({text_.data(), size_});
  }
  // NOLINTNEXTLINE(google-explicit-constructor): it is a text, but masked
  operator std::string_view() const { return {text_.data(), size_}; }

 private:
  std::array<char, N> text_;
  std::size_t size_ = 0;
};

}  // namespace accounting
