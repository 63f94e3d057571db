// SPDX-License-Identifier: Apache-2.0
// The records of an accounting file as csaedit -A prints them.
#pragma once

#include "accounting/records/entry.h"
#include "accounting/text/account_names.h"
#include "accounting/text/report_text.h"

namespace accounting::csaedit {

struct TextColumns {
  bool times = false;
  bool marks = false;
};

void write_headings(ReportText& text, const TextColumns& columns);

/// The line of one entry. `number`: which one of the output it is.
void write_entry(ReportText& text, const Entry& entry, int number,
                 const TextColumns& columns, AccountNames& names);

}  // namespace accounting::csaedit
