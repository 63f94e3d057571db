// SPDX-License-Identifier: Apache-2.0
// What became of the accounting file as an a{sv}, read both ways (Status of
// Accounting1). The keys are documented in
// interfaces/org.corral.Accounting1.xml.
#pragma once

#include "bus/value.h"
#include "core/accounting_control.h"

namespace bus {

/// Keys of thresholds, in Status and of Enable: KiB, microseconds.
inline constexpr const char kMemoryThresholdKey[] = "MemoryThreshold";
inline constexpr const char kTimeThresholdKey[] = "TimeThreshold";

/// Kinds by their names (core/record_switches.h).
struct KindList {
  std::uint32_t kinds = 0;
  std::string unknown;  ///< the last name of none
};
[[nodiscard]] KindList kinds_of(const TextList& names);
[[nodiscard]] TextList names_of(std::uint32_t kinds);

[[nodiscard]] Dict dict_of(const core::AccountingView& view);

/// The inverse. Unknown keys are passed over (a newer instance).
[[nodiscard]] core::Answer<core::AccountingView> accounting_view_of(
    const Dict& dict);

}  // namespace bus
