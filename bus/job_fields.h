// SPDX-License-Identifier: Apache-2.0
// A job as an a{sv}: one table of keys, read both ways, behind ShowJob,
// ListJobs, Wait and the properties of Job1. A counter that was not collected
// has no key. The keys are documented in interfaces/org.corral.Manager1.xml.
#pragma once

#include <optional>
#include <span>

#include "bus/value.h"
#include "core/job_control.h"

namespace bus {

struct JobField {
  const char* key;
  /// Nothing: this job has no such fact.
  std::optional<Value> (*get)(const core::JobView& view);
  /// False: the value has another type, or is no word of ours.
  bool (*set)(core::JobView& view, const Value& value);
};

[[nodiscard]] std::span<const JobField> job_fields();

[[nodiscard]] Dict dict_of(const core::JobView& view);

/// The inverse. Unknown keys are passed over (a newer instance); a key that
/// does not fit is refused.
[[nodiscard]] core::Answer<core::JobView> job_view_of(const Dict& dict);

}  // namespace bus
