// SPDX-License-Identifier: Apache-2.0
// What a job's creator has to know of its limits.
#pragma once

#include "bus/client.h"

namespace cli {

/// Says on standard error which limits of the job do not hold for the whole of
/// it: where that was accepted (--accept-less), and not refused.
void tell_not_held(bus::Client& client, core::JobId jid);

}  // namespace cli
