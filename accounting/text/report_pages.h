// SPDX-License-Identifier: Apache-2.0
// Text on pages as pr(1) makes them: 66 lines each, five for the heading with
// date, title and number, five empty ones at the end. And lists in columns.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace accounting {

/// `date` as it stands in the heading: pr(1) has "2026-11-30 13:45". A form
/// feed in the text ends its page. Nothing of an empty text.
[[nodiscard]] std::string on_pages(std::string_view text,
                                   std::string_view title,
                                   std::string_view date);

/// The lines of `text` in columns of equal width, down each, as pr(1) has them:
/// tabulators between. `width` for all; what is longer than its column is cut.
[[nodiscard]] std::string in_columns(std::string_view text, std::size_t columns,
                                     std::size_t width);

/// Without their line feeds.
[[nodiscard]] std::vector<std::string_view> lines_of(std::string_view text);

}  // namespace accounting
