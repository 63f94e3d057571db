// SPDX-License-Identifier: Apache-2.0
// The directory of --units. This version reads no unit: it says so of each file
// that it finds, so that nobody waits for a service that never starts.
#pragma once

#include <string>
#include <vector>

#include "core/error.h"

namespace supervisor {

/// The names of the unit files (*.toml) in a directory, sorted. Errors: those
/// of opendir(3).
[[nodiscard]] core::Result<std::vector<std::string>> unit_files_in(
    const std::string& directory);

/// Logs what is there and is not started.
void announce_units(const std::string& directory);

}  // namespace supervisor
