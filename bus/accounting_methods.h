// SPDX-License-Identifier: Apache-2.0
// The verbs of Accounting1.
#pragma once

#include "bus/call.h"

namespace bus {

void get_accounting_status(const Call& call);
void switch_accounting(const Call& call);
void turn_accounting_on(const Call& call);
void turn_accounting_off(const Call& call);

}  // namespace bus
