// SPDX-License-Identifier: Apache-2.0
// The verbs of Manager1 that are not about one job that is known already.
#pragma once

#include "bus/call.h"

namespace bus {

void create_job(const Call& call);
void get_job(const Call& call);
void get_job_by_pid(const Call& call);
void find_job(const Call& call);
void list_jobs(const Call& call);
void list_job_rows(const Call& call);
void subscribe(const Call& call);
void reexec(const Call& call);
void shut_down(const Call& call);

}  // namespace bus
