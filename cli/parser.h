// SPDX-License-Identifier: Apache-2.0
// From words to Arguments, by the rows of one command. CLI11 does the work; it
// is built for this command only, so that starting stays cheap, and its
// exceptions end here.
#pragma once

#include <expected>
#include <span>
#include <string>

#include "cli/arguments.h"
#include "cli/command_table.h"

namespace cli {

/// Why the words do not fit the command: one sentence that says the fix.
struct Misuse {
  std::string text;
};

[[nodiscard]] std::expected<Arguments, Misuse> parse(
    const Command& command, std::span<const char* const> words);

}  // namespace cli
