// SPDX-License-Identifier: Apache-2.0
// Switched accounting files (accounting/next_file.h) where no supervisor is
// asked: how a new one begins, and whether an old one may still grow.
#pragma once

#include <cstdint>
#include <string>

#include "accounting/cycle/places.h"
#include "accounting/text/console.h"

namespace accounting {

/// Makes the file with a record that a file begins here, unless somebody has
/// made it meanwhile.
[[nodiscard]] Outcome<void> begin_next(const Places& places,
                                       const std::string& path);

/// Gives `path` the next number and begins it anew; returns the new name of
/// what was there, "" if nothing was.
[[nodiscard]] Outcome<std::string> switch_file(const Places& places,
                                               const std::string& path);

/// Has anybody the file open for writing? (fcntl(2), F_SETLEASE.) Where the
/// kernel does not tell, it is believed of what was written since the machine
/// started. `file` is open for reading only.
[[nodiscard]] bool has_writer(int file);

/// The first record of a new file, if it says that one begins.
[[nodiscard]] std::string opening_record(const std::string& path);

}  // namespace accounting
