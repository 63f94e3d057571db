// SPDX-License-Identifier: Apache-2.0
// What became of the accounting file as an a{sv}, read both ways (Status of
// Accounting1). The keys are documented in
// interfaces/org.corral.Accounting1.xml.
#pragma once

#include "bus/value.h"
#include "core/accounting_control.h"

namespace bus {

[[nodiscard]] Dict dict_of(const core::AccountingView& view);

/// The inverse. Unknown keys are passed over (a newer instance).
[[nodiscard]] core::Answer<core::AccountingView> accounting_view_of(
    const Dict& dict);

}  // namespace bus
