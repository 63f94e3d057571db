// SPDX-License-Identifier: Apache-2.0
// The methods of Manager1 that login services call.
#pragma once

#include "bus/call.h"

namespace bus {

void create_session_job(const Call& call);
void close_session(const Call& call);

}  // namespace bus
