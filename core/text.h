// SPDX-License-Identifier: Apache-2.0
// Text<N>: at most N bytes of text, kept inline. It never allocates, so the
// reaper, which has no heap, can build the same messages as everyone else.
// What does not fit is cut and the text remembers that it was cut.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace core {

template <std::size_t N>
class Text {
 public:
  constexpr Text() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): a literal is a text
  constexpr Text(std::string_view text) { append(text); }
  // NOLINTNEXTLINE(google-explicit-constructor): a literal is a text
  constexpr Text(const char* text) { append(std::string_view(text)); }

  constexpr Text& append(std::string_view text) {
    for (const char c : text) {
      if (size_ == N) {
        was_cut_ = true;
        break;
      }
      data_[size_++] = c;
    }
    data_[size_] = '\0';
    return *this;
  }

  constexpr Text& append_char(char c) {
    return append(std::string_view(&c, 1));
  }

  /// Appends a number in decimal.
  constexpr Text& append_number(std::int64_t number) {
    if (number >= 0) return append_unsigned(static_cast<std::uint64_t>(number));
    append_char('-');
    return append_unsigned(~static_cast<std::uint64_t>(number) + 1);
  }

  /// Appends a number in decimal.
  constexpr Text& append_unsigned(std::uint64_t number) {
    return append_in_base(number, 10, 1);
  }

  /// Appends a number in lower-case hexadecimal, with at least `digits` digits.
  constexpr Text& append_hex(std::uint64_t number, unsigned digits = 1) {
    return append_in_base(number, 16, digits);
  }

  constexpr void clear() {
    size_ = 0;
    data_[0] = '\0';
    was_cut_ = false;
  }

  [[nodiscard]] constexpr std::string_view view() const {
    return {data_, size_};
  }
  [[nodiscard]] constexpr const char* c_str() const { return data_; }
  [[nodiscard]] constexpr std::size_t size() const { return size_; }
  [[nodiscard]] constexpr bool empty() const { return size_ == 0; }
  [[nodiscard]] constexpr bool was_cut() const { return was_cut_; }

  friend constexpr bool operator==(const Text& a, std::string_view b) {
    return a.view() == b;
  }

 private:
  constexpr Text& append_in_base(std::uint64_t number, unsigned base,
                                 unsigned digits) {
    char reversed[20] = {};
    unsigned used = 0;
    while (number != 0 || used < digits) {
      reversed[used++] = "0123456789abcdef"[number % base];
      number /= base;
    }
    while (used > 0)
      append_char(reversed[--used]);
    return *this;
  }

  char data_[N + 1] = {};
  std::size_t size_ = 0;
  bool was_cut_ = false;
};

}  // namespace core
