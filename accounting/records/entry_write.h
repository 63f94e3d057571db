// SPDX-License-Identifier: Apache-2.0
// Entries back into files, record for record.
#pragma once

#include <span>

#include "accounting/records/entry.h"
#include "accounting/text/report_text.h"

namespace accounting {

/// The bytes that write_entry() needs.
[[nodiscard]] std::size_t written_size(const Entry& entry);

/// Writes the records of an entry, linked ones behind their base, each with
/// the flag that says whether more follow. Returns their bytes; what `room` is
/// too small for is left out.
std::size_t write_entry(std::span<char> room, const Entry& entry);

/// Likewise, behind the text.
std::size_t append_entry(ReportText& bytes, const Entry& entry);

}  // namespace accounting
