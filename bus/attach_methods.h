// SPDX-License-Identifier: Apache-2.0
// The methods of Manager1 and Job1 by which processes come into jobs and leave
// them; Job1's have the jid from their object.
#pragma once

#include "bus/call.h"

namespace bus {

void attach_pid(const Call& call);
void attach_pidfd(const Call& call);
void detach_pid(const Call& call);
void detach_pidfd(const Call& call);
void detach_job(const Call& call);

}  // namespace bus
