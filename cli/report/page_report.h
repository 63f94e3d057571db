// SPDX-License-Identifier: Apache-2.0
// What is on a page, out of accounting files, which are read twice: for the
// sums, and then for what depends on them.
#pragma once

#include <optional>

#include "accounting/job_facts.h"
#include "accounting/use_fold.h"
#include "cli/report/page.h"
#include "cli/report/report_files.h"

namespace cli {

/// Sums of the jobs that `filter` takes, and the job that used most.
[[nodiscard]] Page make_page(const ReportFiles& files,
                             const accounting::UseFilter& filter);

}  // namespace cli
