// SPDX-License-Identifier: Apache-2.0
// All that can be said of one limit of a job: a soft and a hard bound, and what
// is done when they are passed. A job's bounds that every holder knows stand in
// JobLimits (core/limits.h); whatever else is said of a kind, and kinds that
// JobLimits has no place for, in a list beside it, which is empty for most
// jobs and costs them nothing.
//
// Invariant: the list has at most one entry of a kind, none that is empty, and
// of the kinds of JobLimits none holds a hard bound.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/ids.h"
#include "core/kill_plan.h"
#include "core/limits.h"
#include "core/quantity.h"

namespace core {

inline constexpr SignalNumber kSigxcpu{24};
inline constexpr SignalNumber kSigxfsz{25};

struct LimitTerms {
  // NOLINTBEGIN(readability-redundant-member-init): g++ wants it
  LimitKind kind = LimitKind::kNone;
  /// Hard: the job ends, or the kernel refuses.
  Maybe<std::uint64_t> bound = {};
  /// The job is told, once; at most the bound.
  Maybe<std::uint64_t> soft = {};
  SignalNumber signal = {};        ///< over the soft bound; 0: SIGXCPU
  SignalNumber action = {};        ///< first over the hard one; 0: as planned
  Maybe<Microseconds> grace = {};  ///< from then to the kill; absent: likewise
  // NOLINTEND(readability-redundant-member-init)

  /// Whether nothing is limited.
  [[nodiscard]] constexpr bool is_empty() const { return !bound && !soft; }
  [[nodiscard]] constexpr SignalNumber soft_signal() const {
    return signal.raw() == 0 ? kSigxcpu : signal;
  }
  /// How a job that passed the hard bound is ended.
  [[nodiscard]] constexpr KillPlan plan_of(const KillPlan& plan) const {
    return {.first_signal = action.raw() == 0 ? plan.first_signal : action,
            .grace = grace.value_or(plan.grace)};
  }
  friend constexpr bool operator==(const LimitTerms&,
                                   const LimitTerms&) = default;
};

/// What becomes of a limit of a job that lives: all that was said of its kind
/// before is said no more. Empty: no limit.
using LimitChange = LimitTerms;

using TermsList = std::vector<LimitTerms>;

/// Limits of a job that is not there yet, or of none in particular.
struct LimitSet {
  JobLimits limits;
  TermsList terms;
};

/// Whether JobLimits has a place for its hard bound.
constexpr bool is_of_scope(LimitKind kind) {
  return kind <= kLastOfScope;
}

/// All that is said of a kind.
inline LimitTerms terms_of(const JobLimits& limits, const TermsList& list,
                           LimitKind kind) {
  LimitTerms terms = {.kind = kind};
  for (const LimitTerms& entry : list)
    if (entry.kind == kind) terms = entry;
  if (is_of_scope(kind)) terms.bound = bound_of(limits, kind);
  return terms;
}

/// The hard bound of a kind.
inline Maybe<std::uint64_t> bound_of(const JobLimits& limits,
                                     const TermsList& list, LimitKind kind) {
  return terms_of(limits, list, kind).bound;
}

/// Puts it in place of all that was said of its kind.
inline void set_terms(JobLimits& limits, TermsList& list, LimitTerms terms) {
  std::erase_if(list, [&terms](const LimitTerms& entry) {
    return entry.kind == terms.kind;
  });
  const bool is_plain = !terms.soft && terms.signal.raw() == 0 &&
                        terms.action.raw() == 0 && !terms.grace;
  const bool is_nothing = terms.is_empty();
  if (is_of_scope(terms.kind)) {
    set_bound(limits, terms.kind, terms.bound);
    terms.bound.reset();
    if (is_plain) return;
  }
  if (!is_nothing) list.push_back(terms);
}

/// No soft bound above its hard one.
constexpr bool is_in_order(const LimitTerms& terms) {
  return !terms.soft || !terms.bound || *terms.soft <= *terms.bound;
}

/// Whose soft bound is passed with a signal and an event; other soft bounds are
/// the kernel's for each process (getrlimit(2)), which tells it by itself.
constexpr bool is_told_softly(LimitKind kind) {
  return kind == LimitKind::kWallTime || kind == LimitKind::kCpuTime ||
         kind == LimitKind::kMemory || kind == LimitKind::kIdleTime;
}

/// Over whose hard bound the job ends, so that there is something to choose.
constexpr bool ends_jobs(LimitKind kind) {
  return is_told_softly(kind);
}

/// Of which 0 is a bound like any other.
constexpr bool may_be_zero(LimitKind kind) {
  return kind == LimitKind::kCoreSize || kind == LimitKind::kLockedMemory ||
         kind == LimitKind::kSwap;
}

/// Whether a bound allows something that `most` does not.
constexpr bool is_above(LimitKind kind, std::uint64_t bound,
                        std::uint64_t most) {
  if (kind == LimitKind::kCpuSet) return (bound & ~most) != 0;
  return bound > most;
}

/// What both allow. Processors of which none is in both are those of `most`.
constexpr std::uint64_t lower_of(LimitKind kind, std::uint64_t bound,
                                 std::uint64_t most) {
  if (kind != LimitKind::kCpuSet) return std::min(bound, most);
  return (bound & most) != 0 ? bound & most : most;
}

}  // namespace core
