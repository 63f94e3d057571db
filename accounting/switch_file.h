// SPDX-License-Identifier: Apache-2.0
// Which kinds of accounting are on, beside the accounting file: so they stay
// over restarts of everything. A line a kind that is on, a threshold with its
// value.
#pragma once

#include <optional>
#include <string>

#include "core/error.h"
#include "core/record_switches.h"

namespace accounting {

/// Nothing: nobody has turned anything, or it cannot be read.
[[nodiscard]] std::optional<core::RecordSwitches> load_switches(
    const std::string& path);
/// On the disk when it returns. Errors: those of open(2), write(2), rename(2).
[[nodiscard]] core::Result<void> save_switches(
    const std::string& path, const core::RecordSwitches& switches);

/// Their lines, and from lines; nothing: these are none.
[[nodiscard]] std::string lines_of(const core::RecordSwitches& switches);
[[nodiscard]] std::optional<core::RecordSwitches> switches_of(
    std::string_view lines);

}  // namespace accounting
