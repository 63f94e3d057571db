// SPDX-License-Identifier: Apache-2.0
// The keys of CreateJob's a{sv} (and of EndJob's): one table of name, setter,
// getter and what is expected, with a bound on everything. The keys are
// documented in interfaces/org.corral.Manager1.xml.
#pragma once

#include <optional>
#include <span>

#include "bus/value.h"
#include "core/job_control.h"

namespace bus {

/// Arguments and environment together; execve(2) takes no more than 3/4 of
/// 8 MiB whatever the limits.
inline constexpr std::size_t kMostArgumentBytes = 6U << 20U;
inline constexpr std::size_t kMostArguments = 1U << 20U;

/// A descriptor: the job ends with its creator (sys/lifeline.h).
inline constexpr const char* kLifetimeKey = "Lifetime";

/// What a request to create a job says.
struct SpecDraft {
  core::JobSpec spec;
  core::LaunchHandles handles;
};

struct SpecKey {
  const char* key;
  const char* expected;  ///< for the refusal, with the type
  bool (*set)(SpecDraft& draft, const Value& value);
  /// Nothing: the default, or it travels otherwise (descriptors).
  std::optional<Value> (*get)(const core::JobSpec& spec);
};

[[nodiscard]] std::span<const SpecKey> spec_keys();

/// Puts the entry where its key says. A refusal names the key, what it is and
/// what was expected.
[[nodiscard]] core::Answer<void> take(const SpecKey& key,
                                      const DictEntry& entry, SpecDraft& draft);

/// Reads and checks the request; descriptors are duplicated. A refusal names
/// the key, what it is and what was expected.
[[nodiscard]] core::Answer<SpecDraft> spec_of(const Dict& dict);
[[nodiscard]] Dict dict_of(const core::JobSpec& spec);

/// What EndJob changes of the job's plan: "FirstSignal" and "GraceUSec".
[[nodiscard]] core::Answer<core::KillPlanChange> plan_change_of(
    const Dict& dict);
[[nodiscard]] Dict dict_of(const core::KillPlanChange& change);

}  // namespace bus
