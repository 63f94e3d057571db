// SPDX-License-Identifier: Apache-2.0
// "did you mean": the nearest known word.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace cli {

/// The least number of inserted, removed, replaced or swapped letters that
/// make one word of the other (optimal string alignment).
[[nodiscard]] std::size_t distance(std::string_view a, std::string_view b);

/// The known word nearest to `typed`, empty if none is near enough to be
/// meant: at most a third of its letters may differ, and at least one may.
[[nodiscard]] std::string_view nearest(std::string_view typed,
                                       std::span<const std::string_view> known);

/// "; did you mean 'WORD'?", or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view typed,
                                       std::span<const std::string_view> known);

}  // namespace cli
