// SPDX-License-Identifier: Apache-2.0
// The verbs of Accounting1.
#pragma once

#include "bus/call.h"

namespace bus {

void get_accounting_status(const Call& call);
void switch_accounting(const Call& call);
void turn_accounting_on(const Call& call);
void turn_accounting_off(const Call& call);
void enable_accounting(const Call& call);
void disable_accounting(const Call& call);
void write_daemon_record(const Call& call);
void start_job_file(const Call& call);
void sync_job_file(const Call& call);
void stop_job_file(const Call& call);

}  // namespace bus
