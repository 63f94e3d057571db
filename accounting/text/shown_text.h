// SPDX-License-Identifier: Apache-2.0
// Names out of records, for people: whoever runs a command chooses its name,
// and a terminal must not obey it.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace accounting {

/// A field with '?' for each control character. Lives as long as the
/// expression that it is made in.
template <std::size_t N>
class ShownText {
 public:
  explicit ShownText(const char (&field)[N]) {
    while (size_ < N && field[size_] != '\0') {
      const auto c = static_cast<unsigned char>(field[size_]);
      const bool is_control = c < 0x20 || c == 0x7f;
      text_[size_++] = is_control ? '?' : static_cast<char>(c);
    }
  }
  // NOLINTNEXTLINE(google-explicit-constructor): it is a text, but masked
  operator std::string_view() const { return {text_.data(), size_}; }

 private:
  std::array<char, N> text_;
  std::size_t size_ = 0;
};

}  // namespace accounting
