// SPDX-License-Identifier: Apache-2.0
// What the completions of all shells are made with.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/command_table.h"

namespace cli {

/// An option whose value is the next word.
[[nodiscard]] bool takes_word(const OptionRow& row);
/// With `separator` between them.
[[nodiscard]] std::string joined(std::span<const std::string_view> words,
                                 std::string_view separator);
/// The names of the links that stand for `corral NAME`.
[[nodiscard]] std::string link_names();
/// `text` within single quotes of a shell; ours hold no quote but this one.
[[nodiscard]] std::string quoted(std::string_view text);

[[nodiscard]] std::string fish_completion();

}  // namespace cli
