// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal_text.h"

#include <locale.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include <cstdlib>

namespace cli {
namespace {

constexpr char32_t kBad = 0xFFFFFFFF;

struct Character {
  char32_t code = kBad;  ///< kBad: the byte begins no character
  std::size_t size = 1;
};

/// How many bytes a UTF-8 character takes by its first one; 0: it is no first.
std::size_t length_by(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return 2;
  if (first >= 0xE0 && first < 0xF0) return 3;
  if (first >= 0xF0 && first < 0xF5) return 4;
  return 0;
}

/// The first character of `text`, which is not empty (RFC 3629).
Character first_of(std::string_view text) {
  const auto byte = [text](std::size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  const std::size_t size = length_by(byte(0));
  if (size == 0 || size > text.size()) return {};
  if (size == 1) return {.code = byte(0), .size = 1};
  char32_t code = byte(0) & (0x7FU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return {};
    code = (code << 6U) | (byte(i) & 0x3FU);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = code >= 0xD800 && code < 0xE000;
  if (code < kSmallest[size] || code > 0x10FFFF || is_surrogate) return {};
  return {.code = code, .size = size};
}

/// wcwidth(3) for UTF-8, whatever the user's locale is.
std::size_t columns_of(char32_t code) {
  static const locale_t kUtf8 = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (code < 0x7F || kUtf8 == nullptr) return 1;
  const locale_t before = ::uselocale(kUtf8);
  const int width = ::wcwidth(static_cast<wchar_t>(code));
  (void)::uselocale(before);
  return width < 0 ? 1 : static_cast<std::size_t>(width);
}

std::string_view code_of(Colour colour) {
  switch (colour) {
    case Colour::kNone:
      return "";
    case Colour::kGood:
      return "\x1B[32m";
    case Colour::kBad:
      return "\x1B[31m";
    case Colour::kFaint:
      return "\x1B[2m";
    case Colour::kStrong:
      return "\x1B[1m";
  }
  return "";
}

}  // namespace

Screen screen_of(int fd) {
  Screen screen;
  screen.is_terminal = ::isatty(fd) == 1;
  if (!screen.is_terminal) return screen;
  winsize size = {};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0) screen.width = size.ws_col;
  const char* const no_colour = std::getenv("NO_COLOR");  // no-color.org
  const char* const terminal = std::getenv("TERM");
  const bool is_unwanted = no_colour != nullptr && *no_colour != '\0';
  const bool is_dumb =
      terminal == nullptr || std::string_view(terminal) == "dumb";
  screen.has_colours = !is_unwanted && !is_dumb;
  return screen;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Character character = first_of(text);
    columns += columns_of(character.code);
    text.remove_prefix(character.size);
  }
  return columns;
}

std::string_view fit(std::string_view text, std::size_t width) {
  std::size_t columns = 0;
  std::size_t bytes = 0;
  while (bytes < text.size()) {
    const Character character = first_of(text.substr(bytes));
    columns += columns_of(character.code);
    if (columns > width) break;
    bytes += character.size;
  }
  return text.substr(0, bytes);
}

std::string coloured(const Screen& screen, Colour colour,
                     std::string_view text) {
  if (!screen.has_colours || colour == Colour::kNone) return std::string(text);
  return std::string(code_of(colour)).append(text).append("\x1B[0m");
}

}  // namespace cli
