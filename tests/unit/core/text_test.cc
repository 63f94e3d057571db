// SPDX-License-Identifier: Apache-2.0
// Text<N>: what fits is kept, what does not is cut and remembered; errors are
// one line made of it.
#include "core/text.h"

#include <cerrno>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include <doctest/doctest.h>

#include "core/error.h"
#include "core/printable.h"

using core::Text;

TEST_CASE("a text keeps what fits") {
  for (std::size_t size = 0; size < 12; ++size) {
    const Text<8> text(std::string(size, 'x').c_str());
    CHECK(text.size() == std::min<std::size_t>(size, 8));
    CHECK(text.was_cut() == (size > 8));
    CHECK(text.c_str()[text.size()] == '\0');
  }
}

TEST_CASE("numbers in decimal and hexadecimal") {
  CHECK(Text<32>().append_number(0) == "0");
  CHECK(Text<32>().append_number(-17) == "-17");
  CHECK(Text<32>().append_number(std::numeric_limits<std::int64_t>::min()) ==
        "-9223372036854775808");
  CHECK(Text<32>().append_unsigned(UINT64_MAX) == "18446744073709551615");
  CHECK(Text<32>().append_hex(0) == "0");
  CHECK(Text<32>().append_hex(0x2A, 4) == "002a");
  CHECK(Text<32>().append_hex(UINT64_MAX, 16) == "ffffffffffffffff");
}

TEST_CASE("a text is appended to, cleared and compared") {
  Text<16> text = "ab";
  text.append("cd").append_char('e');
  CHECK(text == "abcde");
  CHECK_FALSE(text == "abcd");
  text.clear();
  CHECK(text.empty());
  CHECK(text.append("x").view() == "x");
}

TEST_CASE("a text is a value, and a constant if need be") {
  static_assert(std::is_trivially_copyable_v<Text<8>>);
  static_assert(Text<8>("ab").append_number(-7).append_hex(10) == "ab-7a");
  Text<4> text = "abcdef";
  const Text<4> copy = text;
  text.clear();
  CHECK(copy == "abcd");
  CHECK(copy.was_cut());
}

TEST_CASE("an error says call, subject and cause") {
  const core::Error error{.code = ENOENT, .op = "open", .subject = "/a/b"};
  CHECK(error.message() == "open '/a/b': No such file or directory");
  CHECK(core::Error{.code = 0, .op = "parse", .subject = "x"}.message() ==
        "parse 'x'");
  CHECK(core::Error{.code = EPERM, .op = "kill", .subject = {}}.message() ==
        "kill: Operation not permitted");
}

TEST_CASE("what people are shown is one line of UTF-8 that moves no cursor") {
  for (const auto& [bytes, shown] :
       {std::pair<std::string_view, std::string_view>{"plain", "plain"},
        {"a\x1B[2Jb\n", "a\\x1b[2Jb\\x0a"},
        {"\xFF\xC0\x80", "\\xff\\xc0\\x80"},
        {"\xC2\x9B", "\\xc2\\x9b"},  // CSI as one character
        {"\xC2\xA0", "\xC2\xA0"},
        {"\xE6\x97", "\\xe6\\x97"},           // cut short
        {"\xED\xA0\x80", "\\xed\\xa0\\x80"},  // a surrogate
        {"gr\u00FC\u00DFe", "gr\u00FC\u00DFe"}}) {
    core::Text<40> text;
    text.append_printable(bytes);
    CHECK(text.view() == shown);
    CHECK(core::printable(bytes) == shown);
  }
}
