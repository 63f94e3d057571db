// SPDX-License-Identifier: Apache-2.0
// csacrep: prints the consolidated records of standard input.
#pragma once

#include <string>

#include "accounting/text/command_line.h"
#include "accounting/text/console.h"

namespace accounting {

[[nodiscard]] int csacrep_command(const CommandLine& line, Console& console);

/// The same with a file's records.
[[nodiscard]] int csacrep_of_file(const CommandLine& line,
                                  const std::string& path, Console& console);

}  // namespace accounting
