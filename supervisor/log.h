// SPDX-License-Identifier: Apache-2.0
// The log: spdlog on standard error, set up once by main. Only the supervisor
// logs; the rooms below it return errors. Colour on a terminal; the <N> prefix
// of sd-daemon(3) when the other end is the journal; else time and level.
#pragma once

#include <string_view>

#include <spdlog/spdlog.h>

#include "core/error.h"

namespace supervisor {

enum class Verbosity : char { kNormal, kVerbose };

/// Sets up spdlog's default logger for the process `name` ("corrald",
/// "corrald kill").
void start_log(std::string_view name, Verbosity verbosity);

/// "open '/a/b': No such file or directory" for spdlog's "{}".
[[nodiscard]] inline std::string_view text_of(const core::Text<320>& message) {
  return message.view();
}

}  // namespace supervisor
