// SPDX-License-Identifier: Apache-2.0
// The verbs on one job. They are methods of Manager1 (with a jid first) and of
// Job1 (the object is the job): one function each.
#pragma once

#include "bus/call.h"

namespace bus {

void signal_job(const Call& call);
void signal_group(const Call& call);
void end_job(const Call& call);
void end_member(const Call& call);
void set_limits(const Call& call);
void freeze_job(const Call& call);
void thaw_job(const Call& call);
void wait_for_job(const Call& call);
void show_job(const Call& call);
void get_usage(const Call& call);
void get_processes(const Call& call);
void open_log(const Call& call);

}  // namespace bus
