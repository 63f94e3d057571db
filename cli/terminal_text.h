// SPDX-License-Identifier: Apache-2.0
// Text on a terminal: its width, its colours, and names that come from
// elsewhere. A job's name or arguments must not be able to move the cursor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/printable.h"

namespace cli {

/// What may be done on `fd`: nothing special unless it is a terminal.
struct Screen {
  bool is_terminal = false;
  bool has_colours = false;  ///< a terminal that can, and no NO_COLOR
  std::size_t width = 0;     ///< in columns; 0: unbounded
};
[[nodiscard]] Screen screen_of(int fd);

using core::printable;

/// The columns that printable text takes (wcwidth(3)).
[[nodiscard]] std::size_t columns_of(std::string_view text);

/// The longest beginning of `text` that takes at most `width` columns.
[[nodiscard]] std::string_view fit(std::string_view text, std::size_t width);

enum class Colour : std::uint8_t { kNone, kGood, kBad, kFaint, kStrong };

/// `text` in a colour, if the screen has colours.
[[nodiscard]] std::string coloured(const Screen& screen, Colour colour,
                                   std::string_view text);

}  // namespace cli
