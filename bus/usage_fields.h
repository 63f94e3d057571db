// SPDX-License-Identifier: Apache-2.0
// What a job uses as an a{sv}, read both ways (GetUsage). A counter that was
// not collected has no key. The keys are documented in
// interfaces/org.corral.Manager1.xml.
#pragma once

#include "bus/value.h"
#include "core/job_control.h"

namespace bus {

[[nodiscard]] Dict dict_of(const core::UsageView& usage);

/// The inverse. Unknown keys are passed over (a newer instance).
[[nodiscard]] core::Answer<core::UsageView> usage_view_of(const Dict& dict);

}  // namespace bus
