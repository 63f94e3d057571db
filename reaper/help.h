// SPDX-License-Identifier: Apache-2.0
// What corral-init says of itself: its help is its table of options.
#pragma once

#include <unistd.h>

#include <string_view>

#include "core/text.h"
#include "reaper/options.h"

namespace reaper {

inline constexpr const char* kUsage =
    "usage: corral-init [OPTIONS] [--] COMMAND [ARGUMENTS...]";

/// Writes to standard output; the exit code.
inline int print_line(std::string_view text) {
  core::Text<200> line(text);
  line.append_char('\n');
  const auto size = static_cast<ssize_t>(line.size());
  return ::write(STDOUT_FILENO, line.c_str(), line.size()) == size ? 0 : 1;
}

inline int print_help() {
  int code = print_line(kUsage);
  for (const OptionRow<Options>& row : detail::kOptionRows) {
    if (row.given == Given::kByPrograms) continue;
    core::Text<200> line("  ");
    line.append(row.name);
    if (row.expects != nullptr) line.append("  ").append(row.expects);
    if (row.given == Given::kVariableToo) line.append(" [*]");
    code |= print_line(line.view());
  }
  return code | print_line(
                    "[*]: or a variable: CORRAL_INIT_STOP_TIMEOUT=8s; "
                    "corral-init(8)");
}

inline int print_version() {
  return print_line("corral-init " CORRAL_VERSION);
}

}  // namespace reaper
