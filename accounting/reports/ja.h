// SPDX-License-Identifier: Apache-2.0
// ja's reports over a job accounting file: what a user's own commands used.
#pragma once

#include <string>

#include "accounting/reports/ja_options.h"
#include "accounting/text/console.h"

namespace accounting::ja {

/// The reports that `options` ask for; `program` for messages.
Outcome<void> report(const Options& options, const std::string& program,
                     const std::string& path, Console& console);

}  // namespace accounting::ja
