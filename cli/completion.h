// SPDX-License-Identifier: Apache-2.0
// Completion scripts, made from the command table.
#pragma once

#include <string>
#include <string_view>

namespace cli {

/// For "bash", "zsh" or "fish"; empty for another shell.
[[nodiscard]] std::string completion_text(std::string_view shell);

}  // namespace cli
