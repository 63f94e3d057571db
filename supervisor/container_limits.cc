// SPDX-License-Identifier: Apache-2.0
// How a job's cgroup holds it to its limits: which controllers it is given, and
// what is written there.
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/number_text.h"
#include "supervisor/containers.h"
#include "supervisor/mover.h"
#include "sys/cgroup.h"
#include "sys/cgroup_tree.h"
#include "sys/controllers.h"

namespace supervisor {

namespace {

constexpr const char* kMemoryMax = "memory.max";
constexpr const char* kMemoryHigh = "memory.high";
constexpr const char* kPidsMax = "pids.max";
constexpr const char* kPidsNow = "pids.current";

std::string text_of(std::optional<std::uint64_t> bound) {
  return bound ? std::to_string(*bound) : "max";
}

/// Gives the jobs' cgroups a controller; repeated it changes nothing. The base
/// has it itself, or gets it from the root of the hierarchy, which alone has no
/// type: elsewhere processes live beside the base (cgroup-v2.rst).
core::Result<void> write_controller(int base, std::string_view controller) {
  const sys::Cgroup jobs = TRY(sys::Cgroup::open(base, "."));
  if (!sys::has_access(base, "../cgroup.type", F_OK))
    (void)jobs.write("../cgroup.subtree_control", controller);
  return jobs.write(sys::kPassedDown, controller);
}

}  // namespace

bool detail::passes_controllers(int directory) {
  return !sys::controllers_in(directory, sys::kPassedDown).empty();
}

/// What a supervisor before us gave the jobs.
void CgroupContainers::find_passed_down() {
  if (!has_controllers_) return;
  for (const std::string& name :
       sys::controllers_in(directory_.get(), sys::kPassedDown))
    passed_down_.insert("+" + name);
}

/// Of what is held for a whole job it does not matter whose processes they are.
core::Hold CgroupContainers::hold_of(core::LimitKind kind) const {
  return core::choose_hold(kind, core::Engine::kCgroup2, means_, false).hold;
}

core::Result<void> CgroupContainers::pass_down(core::JobId jid,
                                               std::string_view controller) {
  TRY(write_controller(directory_.get(), controller));
  has_controllers_ = true;
  const core::JobId above = parent(jid);
  return above == core::kNoJob ? core::Result<void>()
                               : pass_into(above, controller);
}

/// Gives a controller to the jobs that are nested in it. Its own processes go
/// into a directory beside theirs before: the kernel passes no controller down
/// from where processes are.
core::Result<void> CgroupContainers::pass_into(core::JobId jid,
                                               std::string_view controller) {
  const core::JobId above = parent(jid);
  if (above != core::kNoJob) TRY(pass_into(above, controller));
  const sys::Cgroup job(TRY(open(jid)));
  const auto passed = sys::controllers_in(job.get(), sys::kPassedDown);
  if (std::ranges::find(passed, controller.substr(1)) != passed.end())
    return {};
  const sys::Cgroup own =
      TRY(sys::Cgroup::make(job.get(), detail::kOwnProcesses));
  TRY(move_down(job, own));
  return job.write(sys::kPassedDown, controller);
}

core::Result<void> CgroupContainers::hold(core::JobId jid,
                                          const core::LimitSet& limits) {
  TRY(hold_memory(jid, limits));
  TRY(hold_processes(jid, limits));
  return hold_rates(jid, rates_of(limits));
}

core::Result<void> CgroupContainers::hold_memory(core::JobId jid,
                                                 const core::LimitSet& limits) {
  const core::LimitTerms terms =
      core::terms_of(limits.limits, limits.terms, core::LimitKind::kMemory);
  const auto bound = terms.bound;
  const auto swap =
      core::bound_of(limits.limits, limits.terms, core::LimitKind::kSwap);
  if (hold_of(core::LimitKind::kMemory) == core::Hold::kCgroup1)
    return groups_.hold_memory(jid, bound, !terms.is_empty(), swap);
  if (hold_of(core::LimitKind::kMemory) != core::Hold::kCgroup2) return {};
  const sys::Cgroup cgroup(TRY(open(jid)));
  const bool is_held = !terms.is_empty() || swap;
  if (!is_held && !sys::has_access(cgroup.get(), kMemoryMax, W_OK)) return {};
  TRY(pass_down(jid, "+memory"));
  // Above this the kernel slows the job down: only until it is told.
  TRY(cgroup.write(kMemoryHigh, text_of(terms.soft)));
  // What may be swapped out would not be limited. No file: no swap.
  (void)cgroup.write("memory.swap.max", swap    ? std::to_string(*swap)
                                        : bound ? "0"
                                                : "max");
  // It is the job that ends, not one of its processes.
  (void)cgroup.write("memory.oom.group", bound ? "1" : "0");
  return cgroup.write(kMemoryMax, text_of(bound));
}

core::Result<void> CgroupContainers::hold_processes(
    core::JobId jid, const core::LimitSet& limits) {
  // One controller, which counts threads: the lower of both holds.
  auto bound = limits.limits.processes;
  const auto threads =
      core::bound_of(limits.limits, limits.terms, core::LimitKind::kThreads);
  if (threads) bound = std::min(bound.value_or(*threads), *threads);
  if (hold_of(core::LimitKind::kProcesses) == core::Hold::kCgroup1)
    return groups_.hold_processes(jid, bound,
                                  [this, jid] { return members(jid); });
  if (hold_of(core::LimitKind::kProcesses) != core::Hold::kCgroup2) return {};
  const sys::Cgroup cgroup(TRY(open(jid)));
  if (!bound && !sys::has_access(cgroup.get(), kPidsMax, W_OK)) return {};
  TRY(pass_down(jid, "+pids"));
  return cgroup.write(kPidsMax, text_of(bound));
}

/// The one for its own processes is given away, not the job's: beside that no
/// user makes a directory, so none is taken for a job's that is nested in it.
core::Result<void> CgroupContainers::delegate(core::JobId jid, core::Uid uid,
                                              core::Gid gid) {
  // /sys/kernel/cgroup/delegate has more, which are the giver's by its layout.
  constexpr const char* kTheirs[] = {".", sys::cgroup_file::kProcs,
                                     "cgroup.threads", sys::kPassedDown};
  struct Controller {
    const char* name;
    core::LimitKind kind;
  };
  // NOLINTBEGIN(modernize-use-designated-initializers): a table
  constexpr Controller kControllers[] = {
      {"+memory", core::LimitKind::kMemory},
      {"+pids", core::LimitKind::kProcesses},
      {"+cpu", core::LimitKind::kCpuRate},
      {"+cpuset", core::LimitKind::kCpuSet},
      {"+io", core::LimitKind::kIoRate},
  };
  // NOLINTEND(modernize-use-designated-initializers)
  const sys::UniqueFd directory = TRY(open(jid));
  const sys::Cgroup own =
      TRY(sys::Cgroup::make(directory.get(), detail::kOwnProcesses));
  // All of it is read to signal the job, and removed at its end.
  TRY(own.write("cgroup.max.depth", "24"));
  TRY(own.write("cgroup.max.descendants", "4096"));
  for (const Controller& controller : kControllers) {
    if (hold_of(controller.kind) != core::Hold::kCgroup2) continue;
    TRY(pass_down(jid, controller.name));
    TRY(pass_into(jid, controller.name));
    passed_down_.insert(controller.name);
  }
  if (::geteuid() == 0)
    for (const char* name : kTheirs)
      if (::fchownat(own.get(), name, uid.raw(), gid.raw(), 0) < 0 &&
          errno != ENOENT)
        return core::fail(errno, "give away", name);
  // Whoever looks for it finds no more than that.
  (void)::fsetxattr(own.get(), sys::kDelegatedMark, "1", 1, 0);
  return {};
}

core::JobLimits CgroupContainers::held(core::JobId jid) {
  core::JobLimits limits;
  const auto directory = open(jid);
  if (!directory) return limits;
  const auto bound_in = [&](const char* file) {
    char buffer[32];
    const auto text =
        sys::read_small_file_at(directory->get(), file, buffer).value_or("");
    return core::parse_number(text.substr(0, text.find('\n')), UINT64_MAX);
  };
  if (const auto bound = bound_in(kMemoryMax))
    limits.memory = core::Bytes(*bound);
  if (const auto bound = bound_in(kPidsMax)) limits.processes = *bound;
  return limits;
}

core::Result<void> CgroupContainers::hold_rates(core::JobId jid,
                                                const RateBounds& rates) {
  if (hold_of(core::LimitKind::kCpuRate) == core::Hold::kCgroup2)
    TRY(hold_rate(jid, {"+cpu", "cpu.max", write_cpu_rate2},
                  rates.cpu_rate.has_value(), rates));
  if (hold_of(core::LimitKind::kCpuSet) == core::Hold::kCgroup2)
    TRY(hold_rate(jid, {"+cpuset", "cpuset.cpus", write_cpu_set2},
                  rates.cpu_set.has_value(), rates));
  if (hold_of(core::LimitKind::kIoRate) == core::Hold::kCgroup2)
    TRY(hold_rate(jid, {"+io", "io.max", write_io2}, rates.has_io(), rates));
  // What version 2 holds has no group there.
  return groups_.hold_rates(jid, rates_for_groups(rates),
                            [this, jid] { return members(jid); });
}

RateBounds CgroupContainers::rates_for_groups(RateBounds rates) const {
  if (hold_of(core::LimitKind::kCpuRate) != core::Hold::kCgroup1)
    rates.cpu_rate.reset();
  if (hold_of(core::LimitKind::kCpuSet) != core::Hold::kCgroup1)
    rates.cpu_set.reset();
  if (hold_of(core::LimitKind::kIoRate) != core::Hold::kCgroup1) {
    rates.io_rate.reset();
    rates.io_operations.reset();
  }
  return rates;
}

/// A controller that no job had a limit of has nothing to be taken back.
core::Result<void> CgroupContainers::hold_rate(core::JobId jid,
                                               const RateHolder& holder,
                                               bool is_bound,
                                               const RateBounds& rates) {
  if (!is_bound && !passed_down_.contains(holder.controller)) return {};
  if (is_bound) {
    TRY(pass_down(jid, holder.controller));
    passed_down_.insert(holder.controller);
  }
  const sys::Cgroup cgroup(TRY(open(jid)));
  if (!is_bound && !sys::has_access(cgroup.get(), holder.file, W_OK)) return {};
  return holder.write(cgroup, rates);
}

SoftMemoryEvents CgroupContainers::soft_memory_events(core::JobId jid,
                                                      std::uint64_t soft) {
  switch (hold_of(core::LimitKind::kMemory)) {
    case core::Hold::kCgroup1: {
      auto events = groups_.memory_above(jid, soft);
      if (events) return {.events = *std::move(events), .file = {}};
      return {};
    }
    case core::Hold::kCgroup2:
      return {
          .events = {},
          .file = base_ + "/" + path_in(jid, sys::cgroup_file::kMemoryEvents)};
    default:
      return {};
  }
}

core::Maybe<core::Bytes> CgroupContainers::memory_now(core::JobId jid) {
  if (hold_of(core::LimitKind::kMemory) == core::Hold::kCgroup1)
    return groups_.memory_now(jid);
  auto directory = open(jid);
  if (!directory) return std::nullopt;
  return sys::Cgroup(*std::move(directory)).memory_now();
}

core::Maybe<std::uint64_t> CgroupContainers::tasks_now(core::JobId jid) {
  if (hold_of(core::LimitKind::kProcesses) == core::Hold::kCgroup1)
    return groups_.tasks_now(jid);
  auto directory = open(jid);
  if (!directory) return std::nullopt;
  return sys::Cgroup(*std::move(directory)).number(kPidsNow);
}

core::Result<sys::UniqueFd> CgroupContainers::memory_events(core::JobId jid) {
  return groups_.memory_events(jid);
}

}  // namespace supervisor
