// SPDX-License-Identifier: Apache-2.0
// The help texts, made from the command table.
#pragma once

#include <string>

#include "cli/command_table.h"

namespace cli {

/// What there is: `corral --help`.
[[nodiscard]] std::string help_text();
/// One command: `corral COMMAND --help`.
[[nodiscard]] std::string help_text(const Command& command);

/// "corral run [OPTIONS] [--] PROGRAM [ARGUMENTS]".
[[nodiscard]] std::string usage_of(const Command& command);
/// "-s, --signal SIGNAL", "--report[=FORMAT]".
[[nodiscard]] std::string spelling_of(const OptionRow& row);
/// The help of an option with what holds without it, ended by a period.
[[nodiscard]] std::string sentence_of(const OptionRow& row);

}  // namespace cli
