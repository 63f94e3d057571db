// SPDX-License-Identifier: Apache-2.0
// Text in columns of fixed width, as printf(3) would write it, at the pace of
// a report over millions of records: one growing buffer, no streams, no
// locale. Each function says its printf conversion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace accounting {

/// A field of fixed size as C has it: up to its first NUL, or all of it.
template <std::size_t N>
std::string_view text_of(const char (&field)[N]) {
  return {field, ::strnlen(field, N)};
}

class ReportText {
 public:
  ReportText() = default;
  /// With room for `size` characters.
  explicit ReportText(std::size_t size) { grow(size); }

  [[nodiscard]] std::string_view view() const { return {data_.get(), used_}; }
  [[nodiscard]] std::size_t size() const { return used_; }
  void clear() { used_ = 0; }

  ReportText& add(std::string_view text) {
    text.copy(room(text.size()), text.size());
    used_ += text.size();
    return *this;
  }
  ReportText& add(char c) {
    *room(1) = c;
    ++used_;
    return *this;
  }
  /// `size` bytes that `write` puts there. Returns `size`.
  template <class Write>
  std::size_t append(std::size_t size, const Write& write) {
    write(room(size));
    used_ += size;
    return size;
  }
  ReportText& spaces(std::size_t count) {
    std::memset(room(count), ' ', count);
    used_ += count;
    return *this;
  }

  /// "%*.*s": right-aligned, at most `most` characters.
  ReportText& right(std::string_view text, std::size_t width,
                    std::size_t most = std::string_view::npos) {
    text = text.substr(0, most);
    if (text.size() < width) spaces(width - text.size());
    return add(text);
  }
  /// "%-*.*s".
  ReportText& left(std::string_view text, std::size_t width,
                   std::size_t most = std::string_view::npos) {
    text = text.substr(0, most);
    add(text);
    return text.size() < width ? spaces(width - text.size()) : *this;
  }

  /// "%*lld".
  ReportText& number(std::int64_t value, std::size_t width = 0);
  /// "%-*lld".
  ReportText& left_number(std::int64_t value, std::size_t width);
  /// "%#*llx": zero has no "0x".
  ReportText& hex(std::uint64_t value, std::size_t width = 0);
  /// "0x%llx".
  ReportText& plain_hex(std::uint64_t value);
  /// "%0*llx".
  ReportText& padded_hex(std::uint64_t value, std::size_t digits);
  /// "%*o".
  ReportText& octal(std::uint64_t value, std::size_t width = 0);
  /// "%0*o".
  ReportText& padded_octal(std::uint64_t value, std::size_t digits);
  /// "%*.*f".
  ReportText& fixed(double value, std::size_t width, int precision);

 private:
  /// Room for `count` characters behind the text.
  char* room(std::size_t count) {
    if (size_ - used_ < count) [[unlikely]]
      grow(count);
    return data_.get() + used_;
  }
  void grow(std::size_t count);
  ReportText& slowly_fixed(double value, std::size_t width, int precision);

  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
  std::size_t used_ = 0;
};

}  // namespace accounting
