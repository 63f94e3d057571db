// SPDX-License-Identifier: Apache-2.0
// Sums of what jobs used as a table for people, as JSON and as CSV.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "accounting/use_fold.h"
#include "cli/table_view.h"

namespace cli {

struct UseReport {
  accounting::UseKey by = accounting::UseKey::kUser;
  std::string_view title;  ///< the key's word
  accounting::UseRows rows;
  bool has_units = false;   ///< they were asked for
  bool is_complete = true;  ///< all files could be read to their ends
};

/// Billing units, as exactly as they are kept.
[[nodiscard]] std::string units_text(double units);
/// With two digits, as the published reports have them.
[[nodiscard]] std::string shown_units(double units);

/// Does the key stand for something that has a name?
[[nodiscard]] bool has_name(accounting::UseKey by);
/// The name of what a row's key stands for, or of its job; the number of a user
/// or group that has none.
[[nodiscard]] std::string shown_name(accounting::UseKey by,
                                     const accounting::UseRow& row);

[[nodiscard]] std::string use_table(const UseReport& report,
                                    TableView::Header header);

/// Takes a text piece by piece: of a million jobs it is never in memory whole.
using TextSink = std::function<void(std::string_view piece)>;
void write_json(const UseReport& report, const TextSink& sink);
/// By RFC 4180. A text that a spreadsheet would take for a formula is one
/// behind an apostrophe.
void write_csv(const UseReport& report, TableView::Header header,
               const TextSink& sink);

}  // namespace cli
