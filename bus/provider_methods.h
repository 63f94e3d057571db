// SPDX-License-Identifier: Apache-2.0
// The methods of org.corral.Manager1 for aggregate providers.
#pragma once

#include "bus/call.h"

namespace bus {

void register_provider(const Call& call);
void unregister_provider(const Call& call);
void list_providers(const Call& call);
void attach_to_aggregate(const Call& call);
void detach_from_aggregate(const Call& call);

}  // namespace bus
