// SPDX-License-Identifier: Apache-2.0
// The holidays file in TOML (csa.toml(5)): prime time by kind of day, and
// holidays of any years. One table (holiday_settings.cc) names each key with
// what it expects.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "core/holidays.h"

namespace units {

/// `file` is the name for messages. The error has a sentence for each fault:
/// file, line, key, value, and what was expected.
[[nodiscard]] std::expected<core::Holidays, std::vector<std::string>>
parse_holiday_settings(std::string_view text, std::string_view file);

}  // namespace units
