// SPDX-License-Identifier: Apache-2.0
#include "accounting/text/report_text.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdio>

namespace accounting {

namespace {

constexpr std::array<std::array<char, 2>, 100> kPairs = [] {
  std::array<std::array<char, 2>, 100> pairs = {};
  for (int i = 0; i < 100; ++i)
    pairs[static_cast<std::size_t>(i)] = {static_cast<char>('0' + i / 10),
                                          static_cast<char>('0' + i % 10)};
  return pairs;
}();

/// The digits of `value`, written so that they end at `end`.
char* decimal_before(char* end, std::uint64_t value) {
  while (value >= 100) {
    end -= 2;
    std::memcpy(end, kPairs[value % 100].data(), 2);
    value /= 100;
  }
  if (value >= 10) {
    end -= 2;
    std::memcpy(end, kPairs[value].data(), 2);
    return end;
  }
  *--end = static_cast<char>('0' + value);
  return end;
}

char* power_of_two_before(char* end, std::uint64_t value, unsigned bits) {
  do {
    *--end = "0123456789abcdef"[value & ((1U << bits) - 1)];
    value >>= bits;
  } while (value != 0);
  return end;
}

constexpr std::size_t kDigits = 40;

std::string_view until(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

void ReportText::grow(std::size_t count) {
  constexpr std::size_t kLeast = 256;
  const std::size_t size = std::max(kLeast, size_ * 2) + count;
  auto data = std::make_unique_for_overwrite<char[]>(size);
  if (used_ > 0) std::memcpy(data.get(), data_.get(), used_);
  data_ = std::move(data);
  size_ = size;
}

ReportText& ReportText::number(std::int64_t value, std::size_t width) {
  char digits[kDigits];
  char* const end = digits + kDigits;
  const bool is_negative = value < 0;
  const auto size = is_negative ? 0 - static_cast<std::uint64_t>(value)
                                : static_cast<std::uint64_t>(value);
  char* begin = decimal_before(end, size);
  if (is_negative) *--begin = '-';
  return right(until(begin, end), width);
}

ReportText& ReportText::left_number(std::int64_t value, std::size_t width) {
  const std::size_t before = used_;
  number(value);
  const std::size_t length = used_ - before;
  return length < width ? spaces(width - length) : *this;
}

ReportText& ReportText::hex(std::uint64_t value, std::size_t width) {
  char digits[kDigits];
  char* const end = digits + kDigits;
  char* begin = power_of_two_before(end, value, 4);
  if (value != 0) {
    *--begin = 'x';
    *--begin = '0';
  }
  return right(until(begin, end), width);
}

ReportText& ReportText::plain_hex(std::uint64_t value) {
  return value == 0 ? add("0x0") : hex(value);
}

ReportText& ReportText::padded_hex(std::uint64_t value, std::size_t digits) {
  char text[kDigits];
  char* const end = text + kDigits;
  char* begin = power_of_two_before(end, value, 4);
  while (static_cast<std::size_t>(end - begin) < digits)
    *--begin = '0';
  return add(until(begin, end));
}

ReportText& ReportText::octal(std::uint64_t value, std::size_t width) {
  char digits[kDigits];
  char* const end = digits + kDigits;
  return right(until(power_of_two_before(end, value, 3), end), width);
}

ReportText& ReportText::padded_octal(std::uint64_t value, std::size_t digits) {
  char text[kDigits];
  char* const end = text + kDigits;
  char* begin = power_of_two_before(end, value, 3);
  while (static_cast<std::size_t>(end - begin) < digits)
    *--begin = '0';
  return add(until(begin, end));
}

ReportText& ReportText::slowly_fixed(double value, std::size_t width,
                                     int precision) {
  char text[400];
  const int length = std::snprintf(text, sizeof text, "%*.*f",
                                   static_cast<int>(width), precision, value);
  return add({text, static_cast<std::size_t>(length)});
}

/// The sign of value * scale - tie, which are near each other: both halves of
/// the value have few enough digits for exact products. (fma(3) would do, but
/// is libm's.)
static double beyond(double value, double scale, double tie) {
  constexpr std::uint64_t kHigh = ~std::uint64_t{0} << 27U;
  const auto high =
      std::bit_cast<double>(std::bit_cast<std::uint64_t>(value) & kHigh);
  return (high * scale - tie) + (value - high) * scale;
}

/// The nearest decimal is found in integers. Where the product with the scale,
/// which is off by less than one part in 2^52, could lie on the other side of a
/// tie, its exact distance from the tie decides; an exact tie goes to the even
/// digit, as printf(3) does it.
ReportText& ReportText::fixed(double value, std::size_t width, int precision) {
  constexpr double kScales[] = {1, 10, 100, 1000, 10000};
  constexpr double kLargest = 1e12;
  constexpr double kDoubt = 1e-3;
  if (precision > 4) return slowly_fixed(value, width, precision);
  const double scaled = value * kScales[precision];
  if (std::signbit(value) || !(scaled < kLargest))
    return slowly_fixed(value, width, precision);
  auto whole = static_cast<std::uint64_t>(scaled);
  const double rest = scaled - static_cast<double>(whole);
  double above = rest - 0.5;
  if (std::abs(above) < kDoubt)
    above = beyond(value, kScales[precision], static_cast<double>(whole) + 0.5);
  if (above > 0 || (above == 0 && whole % 2 != 0)) ++whole;
  char text[kDigits];
  char* const end = text + kDigits;
  char* begin = end;
  if (precision > 0) {
    for (int i = 0; i < precision; ++i) {
      *--begin = static_cast<char>('0' + whole % 10);
      whole /= 10;
    }
    *--begin = '.';
  }
  begin = decimal_before(begin, whole);
  return right(until(begin, end), width);
}

}  // namespace accounting
