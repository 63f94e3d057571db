// SPDX-License-Identifier: Apache-2.0
// What is said of bytes that a report passed over.
#pragma once

#include <string>
#include <string_view>

#include "accounting/records/resync.h"
#include "accounting/records/sorted_file.h"
#include "accounting/text/console.h"

namespace accounting {

/// A line for standard error.
std::string damage_text(std::string_view program, std::string_view file,
                        const DamagedRange& range);

/// Lines for standard error: between the boots of a sorted file lies what is
/// none of it.
std::string gap_text(std::string_view file);

/// Gives up where a sorted file that was read has bytes left: it is none, or
/// damaged.
Outcome<void> must_be_read(const SortedFile& sorted, std::string_view program,
                           std::string_view file);

}  // namespace accounting
