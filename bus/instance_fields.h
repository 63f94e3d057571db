// SPDX-License-Identifier: Apache-2.0
// The instance as the properties of org.corral.Manager1: one table, read both
// ways.
#pragma once

#include <span>

#include "bus/value.h"
#include "core/job_control.h"

namespace bus {

/// Grows when verbs or keys are added; a change that breaks clients is
/// org.corral.Manager2.
inline constexpr std::uint32_t kApiLevel = 15;

struct InstanceField {
  const char* key;
  Value (*get)(const core::InstanceView& view);
  /// False: the value has another type.
  bool (*set)(core::InstanceView& view, const Value& value);
};

[[nodiscard]] std::span<const InstanceField> instance_fields();

/// From the answer of Properties.GetAll; unknown keys are passed over.
[[nodiscard]] core::Answer<core::InstanceView> instance_view_of(
    const Dict& dict);

}  // namespace bus
