// SPDX-License-Identifier: Apache-2.0
// What `corral records FILE` prints: each record of a file, as columns for
// people or as one JSON object a line for programs. Absent is '-' in a column
// and no key in JSON.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "accounting/record_view.h"
#include "sys/unique_fd.h"

namespace accounting {

enum class RecordsFormat : std::uint8_t { kText, kJson };

/// The heading of the columns, without a newline.
std::string records_heading();
/// One record, without a newline.
std::string to_text(const RecordView& view);
std::string to_json(const RecordView& view);

/// Prints the records of a file to `out`, oldest first, and to `errors`, where
/// the file is called `name`, what could not be read and where. Returns the
/// exit code: 0, or 1 if it could not be read or is damaged.
int print_records(sys::UniqueFd file, const std::string& name,
                  RecordsFormat format, std::ostream& out,
                  std::ostream& errors);

}  // namespace accounting
