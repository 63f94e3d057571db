// SPDX-License-Identifier: Apache-2.0
#include "supervisor/limit_division.h"

#include <sys/resource.h>

namespace supervisor {

namespace {

int resource_of(core::LimitKind kind) {
  switch (kind) {
    case core::LimitKind::kMemory:
      return RLIMIT_DATA;
    case core::LimitKind::kProcesses:
    case core::LimitKind::kThreads:
      return RLIMIT_NPROC;
    case core::LimitKind::kVirtualMemory:
      return RLIMIT_AS;
    case core::LimitKind::kFileSize:
      return RLIMIT_FSIZE;
    case core::LimitKind::kCoreSize:
      return RLIMIT_CORE;
    case core::LimitKind::kLockedMemory:
      return RLIMIT_MEMLOCK;
    default:
      return RLIMIT_NOFILE;
  }
}

core::ResourceLimit resource_limit(const core::LimitTerms& terms) {
  const std::uint64_t hard = terms.bound.value_or(RLIM_INFINITY);
  return {.resource = resource_of(terms.kind),
          .soft = terms.soft.value_or(hard),
          .hard = hard};
}

std::string sentence(core::LimitKind kind, std::string_view lacking) {
  return std::string("limit '") + core::row_of(kind).word + "' " +
         std::string(lacking);
}

}  // namespace

/// What each process is given when it begins is none's that has begun.
core::HoldChoice LimitDivision::for_whom_it_is(core::HoldChoice choice) const {
  if (choice.hold == core::Hold::kEachProcess && !core::has_command(spec.kind))
    choice = {.hold = core::Hold::kNothing,
              .lacking =
                  "can be given only to processes that begin, not to "
                  "those that are attached"};
  return choice;
}

core::HoldChoice LimitDivision::hold_of(core::LimitKind kind) const {
  const bool is_sum = kind == core::LimitKind::kSwap &&
                      !means.has_cgroup2_memory && means.has_cgroup1_swap;
  if (is_sum && !spec.limits.memory)
    return {.hold = core::Hold::kNothing,
            .lacking =
                "is not held without a limit of memory: cgroup v1 "
                "bounds both together"};
  return for_whom_it_is(
      core::choose_hold(kind, engine, means, spec.uid == core::Uid(0)));
}

core::HoldChoice LimitDivision::soft_hold_of(core::LimitKind kind) const {
  return for_whom_it_is(
      core::choose_soft_hold(kind, engine, means, spec.uid == core::Uid(0)));
}

std::string LimitDivision::lacking() const {
  const std::vector<std::string> all = all_lacking();
  return all.empty() ? std::string() : all.front();
}

std::vector<std::string> LimitDivision::all_lacking() const {
  std::vector<std::string> all;
  if (spec.limits == core::JobLimits{} && spec.terms.empty()) return all;
  for (const core::LimitKind kind : core::kLimitKinds) {
    const core::LimitTerms terms = terms_of(kind);
    const std::string_view hard = hold_of(kind).lacking;
    const std::string_view soft = soft_hold_of(kind).lacking;
    if (terms.bound && !hard.empty())
      all.push_back(sentence(kind, hard));
    else if (terms.soft && !soft.empty())
      all.push_back(sentence(kind, soft));
  }
  return all;
}

core::LimitKind LimitDivision::held_within() const {
  for (const core::LimitKind kind : core::kLimitKinds) {
    const core::Hold hold = hold_of(kind).hold;
    if (!terms_of(kind).is_empty() && hold != core::Hold::kClock &&
        hold != core::Hold::kReadings)
      return kind;
  }
  return core::LimitKind::kNone;
}

std::string_view LimitDivision::why_fixed(core::LimitKind kind) const {
  const core::Hold hold = hold_of(kind).hold;
  if (hold == core::Hold::kEachProcess)
    return "is given to each process when it begins";
  const core::LimitTerms terms = terms_of(kind);
  if (hold == core::Hold::kCgroup1 && kind == core::LimitKind::kMemory &&
      terms.is_empty())
    return "counts from a job's beginning on here (cgroup v1): what it uses "
           "already would not be seen; give it to 'corral run --limit'";
  return {};
}

std::vector<core::ResourceLimit> LimitDivision::of_processes() const {
  std::vector<core::ResourceLimit> limits;
  for (const core::LimitKind kind : core::kLimitKinds) {
    const core::LimitTerms terms = terms_of(kind);
    if (!terms.is_empty() && hold_of(kind).hold == core::Hold::kEachProcess)
      limits.push_back(resource_limit(terms));
  }
  return limits;
}

bool LimitDivision::is_given_by_scope(core::LimitKind kind) const {
  const core::LimitTerms terms = terms_of(kind);
  return core::is_of_scope(kind) && terms.bound && !terms.soft;
}

core::JobLimits LimitDivision::of_scope() const {
  core::JobLimits limits = spec.limits;
  for (const core::LimitKind kind : core::kLimitKinds) {
    const core::Hold hold = hold_of(kind).hold;
    const bool is_others =
        hold == core::Hold::kCgroup1 || hold == core::Hold::kCgroup2 ||
        hold == core::Hold::kNothing ||
        (hold == core::Hold::kEachProcess && !is_given_by_scope(kind));
    if (is_others) core::set_bound(limits, kind, std::nullopt);
  }
  return limits;
}

std::vector<core::ResourceLimit> LimitDivision::beyond_scope() const {
  std::vector<core::ResourceLimit> limits;
  for (const core::LimitKind kind : core::kLimitKinds) {
    const core::LimitTerms terms = terms_of(kind);
    if (!terms.is_empty() && !is_given_by_scope(kind) &&
        hold_of(kind).hold == core::Hold::kEachProcess)
      limits.push_back(resource_limit(terms));
  }
  return limits;
}

}  // namespace supervisor
