// SPDX-License-Identifier: Apache-2.0
// The screen of `corral top` as text: pure. It fits into the rows and columns
// that there are.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/terminal_text.h"
#include "cli/top_rows.h"

namespace cli {

/// What the user chose.
struct TopChoice {
  TopOrder order = TopOrder::kCpu;
  bool is_reversed = false;
  std::optional<core::JobId> selected;
  std::size_t first = 0;  ///< row at the top of the list
  std::string message;    ///< in the last line instead of the keys
};

/// The table alone, as `--once` prints it.
[[nodiscard]] std::string top_table(const std::vector<TopRow>& rows,
                                    const Screen& screen);

/// `height` lines: a summary, the titles, the list, the selected job's limits
/// as bars, the keys. Moves `choice.first` so that the selected job is in
/// sight.
[[nodiscard]] std::vector<std::string> top_screen(
    const std::vector<TopRow>& rows, const Screen& screen, std::size_t height,
    TopChoice& choice);

/// "####------ 40%", of `width` columns and the number.
[[nodiscard]] std::string bar(unsigned percent, std::size_t width);

[[nodiscard]] std::string_view word_of(TopOrder order);

}  // namespace cli
