// SPDX-License-Identifier: Apache-2.0
#include "supervisor/containers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "core/number_text.h"
#include "sys/cgroup.h"
#include "sys/cgroup_tree.h"
#include "sys/clock.h"
#include "sys/proc_files.h"

namespace supervisor {

namespace {

/// Names of more processes than these would not fit anyway.
constexpr std::uint32_t kMostNamed = 8;

constexpr const char* kMemoryMax = "memory.max";
constexpr const char* kMemoryHigh = "memory.high";
/// For who was taken out of a job and has no other place.
constexpr const char* kLeft = "left";
constexpr const char* kPidsMax = "pids.max";
constexpr const char* kPidsNow = "pids.current";
constexpr const char* kSubtreeControl = "cgroup.subtree_control";

std::string text_of(std::optional<std::uint64_t> bound) {
  return bound ? std::to_string(*bound) : "max";
}

/// The base as /proc/PID/cgroup has it: below the cgroup mount.
std::string below_mount(std::string base) {
  const std::string_view mount = sys::cgroup2_mount();
  if (base.starts_with(mount)) base.erase(0, mount.size());
  return base;
}

bool has_controllers(int base) {
  char buffer[256];
  return !sys::read_small_file_at(base, kSubtreeControl, buffer)
              .value_or("")
              .empty();
}

/// Gives the jobs' cgroups a controller; repeated it changes nothing. The base
/// has it itself, or gets it from the root of the hierarchy, which alone has no
/// type: elsewhere processes live beside the base (cgroup-v2.rst).
core::Result<void> write_controller(int base, std::string_view controller) {
  const sys::Cgroup jobs = TRY(sys::Cgroup::open(base, "."));
  if (!sys::has_access(base, "../cgroup.type", F_OK))
    (void)jobs.write("../cgroup.subtree_control", controller);
  return jobs.write(kSubtreeControl, controller);
}

}  // namespace

CgroupContainers::CgroupContainers(std::string base, sys::UniqueFd directory,
                                   const sys::LimitFacts& limits)
    : base_(std::move(base)),
      below_mount_(below_mount(base_)),
      directory_(std::move(directory)),
      means_(limits.means),
      groups_(limits.groups),
      has_controllers_(directory_.is_open() &&
                       has_controllers(directory_.get())) {
  find_passed_down();
  remove_leftovers();
}

/// What a supervisor before us gave the jobs.
void CgroupContainers::find_passed_down() {
  if (!has_controllers_) return;
  char buffer[256];
  std::string text(
      sys::read_small_file_at(directory_.get(), kSubtreeControl, buffer)
          .value_or(""));
  std::ranges::replace(text, '\n', ' ');
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) passed_down_.insert("+" + text.substr(at, end - at));
    at = end + 1;
  }
}

core::Result<void> CgroupContainers::make(core::JobId jid) {
  if (!directory_.is_open()) return core::fail(ENOTSUP, "make cgroup");
  const std::string place = place_of(jid);
  if (::mkdirat(directory_.get(), place.c_str(), 0755) < 0 && errno != EEXIST)
    return core::fail(errno, "make cgroup", place);
  ids_.erase(jid);
  return {};
}

void CgroupContainers::nest(core::JobId jid, core::JobId parent) {
  parents_[jid] = parent;
}

core::JobId CgroupContainers::parent(core::JobId jid) const {
  const auto at = parents_.find(jid);
  return at == parents_.end() ? core::kNoJob : at->second;
}

bool CgroupContainers::has_nested(core::JobId jid) const {
  return std::ranges::any_of(
      parents_, [jid](const auto& nested) { return nested.second == jid; });
}

std::string CgroupContainers::place_of(core::JobId jid) const {
  const core::JobId above = parent(jid);
  std::string place;
  if (above != core::kNoJob) place = place_of(above) + "/";
  return place.append(core::path_name(jid).view());
}

std::string CgroupContainers::path_in(core::JobId jid, const char* file) const {
  return place_of(jid).append("/").append(file);
}

core::JobId CgroupContainers::top_of(core::JobId jid) const {
  const core::JobId above = parent(jid);
  return above == core::kNoJob ? jid : top_of(above);
}

core::Result<sys::UniqueFd> CgroupContainers::open(core::JobId jid) {
  if (!directory_.is_open()) return core::fail(ENOTSUP, "open cgroup");
  return sys::open_at(directory_.get(), place_of(jid).c_str(),
                      O_RDONLY | O_DIRECTORY);
}

core::Result<std::uint64_t> CgroupContainers::id(core::JobId jid) {
  if (const auto known = ids_.find(jid); known != ids_.end())
    return known->second;
  struct stat facts = {};
  if (!directory_.is_open()) return core::fail(ENOTSUP, "open cgroup");
  if (::fstatat(directory_.get(), place_of(jid).c_str(), &facts, 0) < 0)
    return core::fail(errno, "stat cgroup");
  return ids_[jid] = facts.st_ino;
}

core::Result<bool> CgroupContainers::is_populated(core::JobId jid) {
  if (!directory_.is_open()) return core::fail(ENOTSUP, "open cgroup");
  char buffer[256];
  const auto text = sys::read_small_file_at(
      directory_.get(), path_in(jid, sys::cgroup_file::kEvents).c_str(),
      buffer);
  if (text) return sys::value_of(*text, "populated").value_or(0) != 0;
  if (text.error().code == ENOENT || text.error().code == ENODEV) return false;
  return std::unexpected(text.error());
}

Inhabitants CgroupContainers::inhabitants(core::JobId jid) {
  Inhabitants found;
  for (const core::Pid pid : members(jid)) {
    if (found.count++ >= kMostNamed) continue;
    const auto stat = sys::read_proc_stat(pid);
    if (!stat) continue;
    if (!found.names.empty()) found.names.append(", ");
    found.names.append(stat->name());
  }
  return found;
}

std::vector<core::Pid> CgroupContainers::members(core::JobId jid) {
  std::vector<core::Pid> pids;
  if (auto directory = open(jid))
    sys::Cgroup(*std::move(directory)).for_each_member([&](core::Pid pid) {
      pids.push_back(pid);
    });
  return pids;
}

core::JobTotals CgroupContainers::totals(core::JobId jid) {
  core::JobTotals totals;
  if (has_controllers_) {
    auto directory = open(jid);
    if (!directory) return {};
    totals = sys::Cgroup(*std::move(directory)).totals();
  } else if (directory_.is_open()) {
    totals = sys::Cgroup::cpu_totals(
        directory_.get(), path_in(jid, sys::cgroup_file::kCpuStat).c_str());
  }
  groups_.add_totals(jid, totals);
  return totals;
}

void CgroupContainers::read_usage(core::UsageView& usage) {
  auto directory = open(usage.jid);
  if (!directory) return;
  const sys::Cgroup cgroup(*std::move(directory));
  usage.totals = cgroup.totals();
  usage.memory = cgroup.memory_now();
  groups_.add_totals(usage.jid, usage.totals);
  if (!usage.memory) usage.memory = groups_.memory_now(usage.jid);
  std::uint64_t count = 0;
  cgroup.for_each_member([&count](core::Pid) { ++count; });
  usage.processes = count;
}

/// Of what is held for a whole job it does not matter whose processes they are.
core::Hold CgroupContainers::hold_of(core::LimitKind kind) const {
  return core::choose_hold(kind, core::Engine::kCgroup2, means_, false).hold;
}

core::Result<void> CgroupContainers::pass_down(std::string_view controller) {
  TRY(write_controller(directory_.get(), controller));
  has_controllers_ = true;
  return {};
}

core::Result<void> CgroupContainers::hold(core::JobId jid,
                                          const core::LimitSet& limits) {
  // A nested job has no groups of its own: its parent's hold it
  // (Admission::check_nested).
  if (parent(jid) != core::kNoJob) return {};
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
  TRY(pass_down("+memory"));
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
  TRY(pass_down("+pids"));
  return cgroup.write(kPidsMax, text_of(bound));
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
    TRY(hold_rate(jid, "+cpu", rates.cpu_rate.has_value(), write_cpu_rate2,
                  rates));
  if (hold_of(core::LimitKind::kCpuSet) == core::Hold::kCgroup2)
    TRY(hold_rate(jid, "+cpuset", rates.cpu_set.has_value(), write_cpu_set2,
                  rates));
  if (hold_of(core::LimitKind::kIoRate) == core::Hold::kCgroup2)
    TRY(hold_rate(jid, "+io", rates.has_io(), write_io2, rates));
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
core::Result<void> CgroupContainers::hold_rate(
    core::JobId jid, const char* controller, bool is_bound,
    core::Result<void> (*write)(const sys::Cgroup&, const RateBounds&),
    const RateBounds& rates) {
  if (!is_bound && !passed_down_.contains(controller)) return {};
  if (is_bound) {
    TRY(pass_down(controller));
    passed_down_.insert(controller);
  }
  return write(sys::Cgroup(TRY(open(jid))), rates);
}

SoftMemoryEvents CgroupContainers::soft_memory_events(core::JobId jid,
                                                      std::uint64_t soft) {
  if (parent(jid) != core::kNoJob) return {};
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
  jid = top_of(jid);
  if (hold_of(core::LimitKind::kProcesses) == core::Hold::kCgroup1)
    return groups_.tasks_now(jid);
  auto directory = open(jid);
  if (!directory) return std::nullopt;
  return sys::Cgroup(*std::move(directory)).number(kPidsNow);
}

core::Result<sys::UniqueFd> CgroupContainers::memory_events(core::JobId jid) {
  if (parent(jid) != core::kNoJob) return sys::UniqueFd();
  return groups_.memory_events(jid);
}

core::Result<std::vector<sys::UniqueFd>> CgroupContainers::joins(
    core::JobId jid) {
  return groups_.joins(top_of(jid));
}

std::vector<sys::UniqueFd> CgroupContainers::exits(core::JobId jid,
                                                   const std::string& origin) {
  std::vector<sys::UniqueFd> places;
  const auto add = [&places](core::Result<sys::UniqueFd> directory) {
    if (directory) places.push_back(*std::move(directory));
  };
  const core::JobId above = parent(jid);
  if (above != core::kNoJob) {
    add(open(above));
    return places;
  }
  // What is seen as outside of our namespace is no place for us.
  if (origin.starts_with('/') && !origin.starts_with("/.."))
    add(sys::open_at(AT_FDCWD,
                     (std::string(sys::cgroup2_mount()) + origin).c_str(),
                     O_RDONLY | O_DIRECTORY));
  auto above_base =
      sys::open_at(directory_.get(), "..", O_RDONLY | O_DIRECTORY);
  // No process may be where controllers are passed down, but in the root.
  if (above_base && has_controllers(above_base->get()) &&
      sys::has_access(above_base->get(), sys::cgroup_file::kEvents, F_OK)) {
    (void)::mkdirat(directory_.get(), kLeft, 0755);
    above_base = sys::open_at(directory_.get(), kLeft, O_RDONLY | O_DIRECTORY);
  }
  add(std::move(above_base));
  return places;
}

core::Result<std::vector<sys::UniqueFd>> CgroupContainers::leaves(
    core::JobId jid) {
  if (parent(jid) != core::kNoJob) return std::vector<sys::UniqueFd>();
  return groups_.leaves(jid);
}

core::Result<void> CgroupContainers::signal_all(core::JobId jid,
                                                core::SignalNumber signal) {
  const sys::Cgroup cgroup(TRY(open(jid)));
  (void)cgroup.signal_all(signal);
  return {};
}

bool CgroupContainers::is_frozen(core::JobId jid) {
  auto directory = open(jid);
  char buffer[16];
  return directory && sys::Cgroup(*std::move(directory))
                          .read(sys::cgroup_file::kFreeze, buffer)
                          .value_or("0")
                          .starts_with('1');
}

core::Result<void> CgroupContainers::remove(core::JobId jid) {
  if (!directory_.is_open()) return {};
  if (has_nested(jid)) return core::fail(EBUSY, "remove cgroup");
  TRY(groups_.remove(jid));
  TRY(sys::Cgroup::remove(directory_.get(), place_of(jid).c_str()));
  parents_.erase(jid);
  ids_.erase(jid);
  return {};
}

/// Limits' groups of jobs whose container has gone.
void CgroupContainers::remove_leftovers() {
  if (!directory_.is_open()) return;
  const std::set<core::JobId> limited = groups_.all();
  for (const core::JobId jid : limited)
    if (!sys::has_access(directory_.get(), core::path_name(jid).c_str(), F_OK))
      (void)groups_.remove(jid);
}

std::vector<core::JobId> CgroupContainers::all() {
  std::vector<core::JobId> jobs;
  if (!directory_.is_open()) return jobs;
  find_below(".", core::kNoJob, jobs);
  return jobs;
}

void CgroupContainers::find_below(const std::string& path, core::JobId parent,
                                  std::vector<core::JobId>& jobs) {
  const auto directory =
      sys::open_at(directory_.get(), path.c_str(), O_RDONLY | O_DIRECTORY);
  if (!directory) return;
  sys::Cgroup::for_each_child(directory->get(), [&](const char* name) {
    const auto jid = core::job_of_path_name(name);
    if (!jid) return;
    jobs.push_back(*jid);
    if (parent != core::kNoJob) nest(*jid, parent);
    find_below(path + "/" + name, *jid, jobs);
  });
}

core::Moment CgroupContainers::made(core::JobId jid) {
  const core::Moment now = sys::now();
  struct stat facts = {};
  if (::fstatat(directory_.get(), place_of(jid).c_str(), &facts, 0) < 0)
    return now;
  const core::RealTime real(
      static_cast<std::uint64_t>(facts.st_mtim.tv_sec) * 1000000U +
      static_cast<std::uint64_t>(facts.st_mtim.tv_nsec) / 1000U);
  const auto age =
      core::Microseconds(now.real.raw()) - core::Microseconds(real.raw());
  const auto boot = core::Microseconds(now.boot.raw()) - age;
  return {.boot = core::BootTime(boot.raw()), .real = real};
}

std::string CgroupContainers::events_path(core::JobId jid) const {
  return base_ + "/" + place_of(jid) + "/" + sys::cgroup_file::kEvents;
}

std::string CgroupContainers::path(core::JobId jid) const {
  if (!directory_.is_open()) return {};
  return below_mount_ + "/" + place_of(jid);
}

}  // namespace supervisor
