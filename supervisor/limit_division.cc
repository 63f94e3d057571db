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
      return RLIMIT_NPROC;
    default:
      return RLIMIT_NOFILE;
  }
}

}  // namespace

core::HoldChoice LimitDivision::hold_of(core::LimitKind kind) const {
  core::HoldChoice choice =
      core::choose_hold(kind, engine, means, spec.uid == core::Uid(0));
  if (choice.hold == core::Hold::kEachProcess && !core::has_command(spec.kind))
    choice = {.hold = core::Hold::kNothing,
              .lacking =
                  "can be given only to processes that begin, not to "
                  "those that are attached"};
  return choice;
}

std::string LimitDivision::lacking() const {
  for (const core::LimitKind kind : core::kLimitKinds) {
    if (!core::bound_of(spec.limits, kind)) continue;
    const core::HoldChoice choice = hold_of(kind);
    if (choice.lacking.empty()) continue;
    return std::string("limit '") + core::row_of(kind).word + "' " +
           std::string(choice.lacking);
  }
  return {};
}

std::string_view LimitDivision::why_fixed(core::LimitKind kind) const {
  const core::Hold hold = hold_of(kind).hold;
  if (hold == core::Hold::kEachProcess)
    return "is given to each process when it begins";
  if (hold == core::Hold::kCgroup1 && kind == core::LimitKind::kMemory &&
      !spec.limits.memory)
    return "counts from a job's beginning on here (cgroup v1): what it uses "
           "already would not be seen";
  return {};
}

std::vector<core::ResourceLimit> LimitDivision::of_processes() const {
  std::vector<core::ResourceLimit> limits;
  for (const core::LimitKind kind : core::kLimitKinds) {
    const auto bound = core::bound_of(spec.limits, kind);
    if (bound && hold_of(kind).hold == core::Hold::kEachProcess)
      limits.push_back(
          {.resource = resource_of(kind), .soft = *bound, .hard = *bound});
  }
  return limits;
}

core::JobLimits LimitDivision::of_scope() const {
  core::JobLimits limits = spec.limits;
  for (const core::LimitKind kind : core::kLimitKinds) {
    const core::Hold hold = hold_of(kind).hold;
    if (hold == core::Hold::kCgroup1 || hold == core::Hold::kCgroup2 ||
        hold == core::Hold::kNothing)
      core::set_bound(limits, kind, std::nullopt);
  }
  return limits;
}

}  // namespace supervisor
