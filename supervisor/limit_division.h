// SPDX-License-Identifier: Apache-2.0
// A job's limits, divided among those who hold them (core/limit_hold.h): the
// supervisor's timers, the kernel for the whole job, the kernel for each
// process, and the scope where there is one.
#pragma once

#include <string>
#include <vector>

#include "core/job_spec.h"
#include "core/limit_hold.h"

namespace supervisor {

/// Who is to hold limits: `spec` tells whose processes they are.
struct LimitDivision {
  const core::JobSpec& spec;
  core::Engine engine = core::Engine::kSubreaper;
  core::LimitMeans means;

  [[nodiscard]] core::HoldChoice hold_of(core::LimitKind kind) const;
  [[nodiscard]] core::HoldChoice soft_hold_of(core::LimitKind kind) const;

  /// What is lacking of the spec's limits, as the beginning of a sentence:
  /// "limit 'memory' holds for ..."; empty: nothing.
  [[nodiscard]] std::string lacking() const;

  /// The same of each limit of which something is lacking.
  [[nodiscard]] std::vector<std::string> all_lacking() const;

  /// The first that the kernel holds for who is in the job's container; none:
  /// kNone.
  [[nodiscard]] core::LimitKind held_within() const;

  /// Why a limit cannot be another while the job lives, as the end of the
  /// sentence that begins so; empty: it can.
  [[nodiscard]] std::string_view why_fixed(core::LimitKind kind) const;

  /// Those of each process (setrlimit(2)).
  [[nodiscard]] std::vector<core::ResourceLimit> of_processes() const;

  /// Those that a scope sets for each process, or holds by itself once its
  /// supervisor has gone for good: as they were when the job began.
  [[nodiscard]] core::JobLimits of_scope() const;
  /// Those of each process that a scope does not know: it begins with them.
  [[nodiscard]] std::vector<core::ResourceLimit> beyond_scope() const;

 private:
  [[nodiscard]] core::HoldChoice for_whom_it_is(core::HoldChoice choice) const;
  [[nodiscard]] core::LimitTerms terms_of(core::LimitKind kind) const {
    return core::terms_of(spec.limits, spec.terms, kind);
  }
  /// Whether the scope sets it for each process.
  [[nodiscard]] bool is_given_by_scope(core::LimitKind kind) const;
};

}  // namespace supervisor
