// SPDX-License-Identifier: Apache-2.0
// Text<N>: at most N bytes of text, kept inline. It never allocates, so the
// reaper, which has no heap, can build the same messages as everyone else.
// What does not fit is cut and the text remembers that it was cut.
//
// Invariant: the bytes stand directly behind the TextBase that counts them. So
// the code that appends is there once for texts of every size, and a sentence
// of literals is a row of calls with one pointer each.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "core/utf8.h"

namespace core {

/// A text of any size, but for its bytes.
class TextBase {
 public:
  [[nodiscard]] constexpr std::size_t size() const { return size_; }
  [[nodiscard]] constexpr bool empty() const { return size_ == 0; }
  [[nodiscard]] constexpr bool was_cut() const { return was_cut_ != 0; }

 protected:
  constexpr explicit TextBase(std::size_t capacity)
      : capacity_(static_cast<std::uint16_t>(capacity)) {}
  constexpr TextBase(const TextBase&) = default;
  constexpr TextBase& operator=(const TextBase&) = default;
  ~TextBase() = default;

  // What follows is given the bytes, for the compiler cannot compute constants
  // with memory behind an object.

  constexpr void put_char(char* data, char c) {
    if (size_ == capacity_) {
      was_cut_ = 1;
      return;
    }
    data[size_++] = c;
    data[size_] = '\0';
  }
  constexpr void put(char* data, std::string_view text) {
    for (const char c : text)
      put_char(data, c);
  }
  constexpr void put_in_base(char* data, std::uint64_t number, unsigned base,
                             unsigned digits) {
    char reversed[20] = {};
    unsigned used = 0;
    while (number != 0 || used < digits) {
      reversed[used++] = "0123456789abcdef"[number % base];
      number /= base;
    }
    while (used > 0)
      put_char(data, reversed[--used]);
  }
  constexpr void reset(char* data) {
    size_ = 0;
    was_cut_ = 0;
    data[0] = '\0';
  }

  // The same with the bytes behind this object.

  [[gnu::noinline]] TextBase& append_view(std::string_view text) {
    put(bytes(), text);
    return *this;
  }
  [[gnu::noinline]] TextBase& append_literal(const char* text) {
    return append_view(text);
  }
  [[gnu::noinline]] TextBase& append_one(char c) {
    put_char(bytes(), c);
    return *this;
  }
  [[gnu::noinline]] TextBase& append_shown(std::string_view text) {
    while (!text.empty()) {
      const std::size_t length = shown_length(text);
      if (length == 0) {
        append_literal("\\x");
        append_in_base(static_cast<unsigned char>(text[0]), 16, 2);
      }
      append_view({text.begin(), text.begin() + length});
      text.remove_prefix(length == 0 ? 1 : length);
    }
    return *this;
  }
  [[gnu::noinline]] TextBase& append_in_base(std::uint64_t number,
                                             unsigned base, unsigned digits) {
    put_in_base(bytes(), number, base, digits);
    return *this;
  }

 private:
  char* bytes() { return reinterpret_cast<char*>(this) + sizeof(TextBase); }

  std::uint16_t capacity_;
  std::uint16_t was_cut_ = 0;
  std::uint32_t size_ = 0;
};
// With padding at its end the bytes would begin in it.
static_assert(std::has_unique_object_representations_v<TextBase>);

template <std::size_t N>
class Text : public TextBase {
  static_assert(N <= UINT16_MAX);

 public:
  // Bytes that hold no text yet are never looked at.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
  constexpr Text() : TextBase(N) {
    data_[0] = '\0';
    if consteval {
      std::fill_n(data_, N + 1, '\0');  // a constant is whole
    }
  }
  // NOLINTNEXTLINE(google-explicit-constructor): a literal is a text
  constexpr Text(std::string_view text) : Text() { append(text); }
  // NOLINTNEXTLINE(google-explicit-constructor): a literal is a text
  constexpr Text(const char* text) : Text() { append(text); }

  constexpr Text& append(std::string_view text) {
    if consteval {
      put(data_, text);
    } else {
      append_view(text);
    }
    return *this;
  }

  constexpr Text& append(const char* text) {
    if consteval {
      put(data_, text);
    } else {
      append_literal(text);
    }
    return *this;
  }

  constexpr Text& append_char(char c) {
    if consteval {
      put_char(data_, c);
    } else {
      append_one(c);
    }
    return *this;
  }

  /// Appends what people are shown: control characters, and bytes that are no
  /// UTF-8, as \xNN.
  Text& append_printable(std::string_view text) {
    append_shown(text);
    return *this;
  }

  /// Appends a number in decimal.
  constexpr Text& append_number(std::int64_t number) {
    if (number >= 0) return append_unsigned(static_cast<std::uint64_t>(number));
    append_char('-');
    return append_unsigned(~static_cast<std::uint64_t>(number) + 1);
  }

  /// Appends a number in decimal.
  constexpr Text& append_unsigned(std::uint64_t number) {
    return append_digits(number, 10, 1);
  }

  /// Appends a number in lower-case hexadecimal, with at least `digits` digits.
  constexpr Text& append_hex(std::uint64_t number, unsigned digits = 1) {
    return append_digits(number, 16, digits);
  }

  constexpr void clear() { reset(data_); }

  [[nodiscard]] constexpr std::string_view view() const {
    return {data_, size()};
  }
  [[nodiscard]] constexpr const char* c_str() const { return data_; }

  friend constexpr bool operator==(const Text& a, std::string_view b) {
    return a.view() == b;
  }

 private:
  constexpr Text& append_digits(std::uint64_t number, unsigned base,
                                unsigned digits) {
    if consteval {
      put_in_base(data_, number, base, digits);
    } else {
      append_in_base(number, base, digits);
    }
    return *this;
  }

  char data_[N + 1];
};

}  // namespace core
