// SPDX-License-Identifier: Apache-2.0
// Fields one after the other in few bytes: numbers as LEB128
// (https://dwarfstd.org, section 7.6), texts behind their lengths. For what is
// kept by the hundred thousand, of which each field is mostly small.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace accounting {

namespace packed {
inline constexpr unsigned kBits = 7;  // of a number in a byte; one says: more
inline constexpr unsigned kMore = 1U << kBits;
}  // namespace packed

class FieldWriter {
 public:
  /// Appends to `bytes`, which has to live as long.
  explicit FieldWriter(std::string& bytes) : bytes_(bytes) {}
  FieldWriter(const FieldWriter&) = delete;
  FieldWriter& operator=(const FieldWriter&) = delete;

  template <class Number>
  void number(const Number& value) {
    auto rest = static_cast<std::uint64_t>(value);
    for (; rest >= packed::kMore; rest >>= packed::kBits)
      bytes_ += static_cast<char>(rest % packed::kMore + packed::kMore);
    bytes_ += static_cast<char>(rest);
  }
  template <class Number>
  void perhaps(const std::optional<Number>& value) {
    number(value.has_value());
    if (value) number(*value);
  }
  void text(std::string_view text) {
    number(text.size());
    bytes_ += text;
  }

 private:
  std::string& bytes_;
};

/// The same for reading: what a FieldWriter wrote, in its order. What is short
/// or wrong is noticed, and so is all that a FieldWriter would have written
/// otherwise: a number that its type does not hold, or in more bytes.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : bytes_(bytes) {}
  FieldReader(const FieldReader&) = delete;
  FieldReader& operator=(const FieldReader&) = delete;

  template <class Number>
  void number(Number& value) {
    const std::uint64_t raw = take();
    value = static_cast<Number>(raw);
    is_whole_ = is_whole_ && static_cast<std::uint64_t>(value) == raw;
  }
  template <class Number>
  void perhaps(std::optional<Number>& value) {
    bool is_there = false;
    number(is_there);
    value.reset();
    if (is_there) number(value.emplace());
  }
  void text(std::string& text) {
    const std::uint64_t size = take();
    is_whole_ = is_whole_ && size <= bytes_.size();
    text = is_whole_ ? bytes_.substr(0, size) : std::string_view();
    bytes_.remove_prefix(text.size());
  }

  /// Was all there that was read?
  [[nodiscard]] bool is_whole() const { return is_whole_; }
  /// Bytes that are still to be read.
  [[nodiscard]] std::size_t left() const { return bytes_.size(); }

 private:
  std::uint64_t take() {
    constexpr unsigned kMostBits = 64;
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < kMostBits; shift += packed::kBits) {
      if (bytes_.empty()) break;
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      const std::uint64_t bits = byte % packed::kMore;
      value |= bits << shift;
      if (byte >= packed::kMore) continue;
      const bool is_shortest = byte != 0 || shift == 0;
      if (is_shortest && value >> shift == bits) return value;
      break;
    }
    is_whole_ = false;
    return 0;
  }

  std::string_view bytes_;
  bool is_whole_ = true;
};

}  // namespace accounting
