// SPDX-License-Identifier: Apache-2.0
// The reports of csadrep.
#pragma once

#include "accounting/reports/daemon_use.h"
#include "accounting/text/report_text.h"

namespace accounting::csadrep {

/// Jobs and CPU time, interactive and batch.
void write_types(ReportText& text, const DaemonUse& use);

/// Batch queues. `detail` 0 to 4: only a table; each queue; and its users; and
/// its requests; and their delays.
void write_queues(ReportText& text, const DaemonUse& use, int detail);

}  // namespace accounting::csadrep
