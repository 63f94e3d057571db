// SPDX-License-Identifier: Apache-2.0
// Columns of reports: what is written by hand for speed is what printf(3)
// writes.
#include "accounting/text/report_text.h"

#include <array>
#include <cstdio>
#include <random>

#include <doctest/doctest.h>

namespace {

using accounting::ReportText;

std::string text_of_length(const std::array<char, 512>& text, int length) {
  return {text.data(), static_cast<std::size_t>(length)};
}

std::string printed(int width, int precision, double value) {
  std::array<char, 512> text = {};
  return text_of_length(text, std::snprintf(text.data(), text.size(), "%*.*f",
                                            width, precision, value));
}

std::string printed(std::int64_t value, std::uint64_t bits) {
  std::array<char, 512> text = {};
  return text_of_length(
      text, std::snprintf(text.data(), text.size(),
                          "%12ld|%-9ld|%#20lx|%05lx|%7lo|%06lo", value, value,
                          bits, bits, bits, bits));
}

/// Values near the ties of `precision` digits, where rounding is hard.
double awkward(std::mt19937_64& random, int precision) {
  constexpr double kScales[] = {1, 10, 100, 1000, 10000};
  const auto whole = static_cast<double>(random() % 1'000'000'000);
  switch (random() % 4) {
    case 0:
      return (static_cast<double>(random() % 100'000) + 0.5) /
             kScales[precision];
    case 1:
      return whole / static_cast<double>(1U << random() % 24);
    case 2:
      return whole / static_cast<double>(1 + random() % 1'000'000);
    default:
      return (whole + 0.5) / 10'000 *
             (1 + 1e-16 * static_cast<double>(random() % 8));
  }
}

}  // namespace

TEST_CASE("decimals are rounded as printf rounds them") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200'000; ++i) {
    const auto precision = static_cast<int>(random() % 5);
    const double value = awkward(random, precision);
    ReportText text;
    text.fixed(value, 10, precision);
    REQUIRE(text.view() == printed(10, precision, value));
  }
  for (const double value :
       {0.0, -0.0, -1.25, 1e300, 1e12, 999999999999.5, -3e9, 0.005, 2.5})
    for (int precision = 0; precision < 7; ++precision) {
      ReportText text;
      text.fixed(value, 3, precision);
      CHECK(text.view() == printed(3, precision, value));
    }
}

TEST_CASE("integers and texts are printed as printf prints them") {
  std::mt19937_64 random(2);
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t bits = random() >> random() % 64;
    const auto value =
        static_cast<std::int64_t>(random() % 2 != 0 ? bits : 0 - bits);
    ReportText text;
    text.number(value, 12).add('|').left_number(value, 9).add('|').hex(bits,
                                                                       20);
    text.add('|')
        .padded_hex(bits, 5)
        .add('|')
        .octal(bits, 7)
        .add('|')
        .padded_octal(bits, 6);
    REQUIRE(text.view() == printed(value, bits));
  }
  ReportText text;
  text.number(INT64_MIN)
      .add('|')
      .right("abc", 5)
      .add('|')
      .right("abcdef", 2, 4)
      .add('|')
      .left("abc", 5, 2);
  CHECK(text.view() == "-9223372036854775808|  abc|abcd|ab   ");
}
