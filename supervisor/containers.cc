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
#include "supervisor/mover.h"
#include "sys/cgroup.h"
#include "sys/cgroup2_mount.h"
#include "sys/cgroup_peaks.h"
#include "sys/cgroup_tree.h"
#include "sys/clock.h"
#include "sys/proc_files.h"

namespace supervisor {

namespace {

/// Names of more processes than these would not fit anyway.
constexpr std::uint32_t kMostNamed = 8;

/// For who was taken out of a job and has no other place.
constexpr const char* kLeft = "left";
/// For who comes to a job when nobody may be where its own processes were.
constexpr const char* kBesideOwn = "beside";

/// The base as /proc/PID/cgroup has it: below the cgroup mount.
std::string below_mount(std::string base) {
  const std::string_view mount = sys::any_cgroup2_mount();
  if (base.starts_with(mount)) base.erase(0, mount.size());
  return base;
}

/// The kernel counts kills in all cgroups around too. Where controllers hold
/// what is nested, those of the job itself are the others.
core::JobTotals totals_of(const sys::Cgroup& cgroup) {
  core::JobTotals totals = cgroup.totals();
  if (totals.oom_kills.value_or(0) == 0 ||
      !sys::has_access(cgroup.get(), detail::kOwnProcesses, F_OK))
    return totals;
  totals.oom_kills = 0;
  const auto add = [&](const char* file) {
    char buffer[256];
    const auto text = cgroup.read(file, buffer);
    if (text) *totals.oom_kills += sys::value_of(*text, "oom_kill").value_or(0);
  };
  add("memory.events.local");
  sys::Cgroup::for_each_child(cgroup.get(), [&](const char* name) {
    if (!core::job_of_path_name(name))
      add((std::string(name) + "/" + sys::cgroup_file::kMemoryEvents).c_str());
  });
  return totals;
}

/// Whoever was given something below it makes no more there.
core::Result<void> remove_all(int base, const char* place) {
  if (::unlinkat(base, place, AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
  if (const auto job = sys::Cgroup::open(base, place))
    (void)job->write("cgroup.max.descendants", "0");
  return sys::Cgroup::remove(base, place);
}

}  // namespace

CgroupContainers::CgroupContainers(std::string base, sys::UniqueFd directory,
                                   const sys::LimitFacts& limits)
    : base_(std::move(base)),
      below_mount_(below_mount(base_)),
      directory_(std::move(directory)),
      means_(limits.means),
      groups_(limits.groups, [this](core::JobId jid) { return parent(jid); }),
      has_controllers_(directory_.is_open() &&
                       detail::passes_controllers(directory_.get())) {
  find_passed_down();
  remove_leftovers();
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

core::Result<sys::UniqueFd> CgroupContainers::open(core::JobId jid) {
  if (!directory_.is_open()) return core::fail(ENOTSUP, "open cgroup");
  return sys::open_at(directory_.get(), place_of(jid).c_str(),
                      O_RDONLY | O_DIRECTORY);
}

core::Result<sys::UniqueFd> CgroupContainers::open_own(core::JobId jid) {
  return sys::open_at(directory_.get(),
                      path_in(jid, detail::kOwnProcesses).c_str(),
                      O_RDONLY | O_DIRECTORY);
}

core::Result<sys::UniqueFd> CgroupContainers::open_for_newcomer(
    core::JobId jid) {
  const auto own = open_own(jid);
  if (!own) return open(jid);
  // Who was given that may have passed controllers down from there, and rules
  // over whoever is in it.
  struct stat facts = {};
  if (::fstat(own->get(), &facts) == 0 && facts.st_uid == ::geteuid() &&
      !detail::passes_controllers(own->get()))
    return open_own(jid);
  const std::string beside = path_in(jid, kBesideOwn);
  (void)::mkdirat(directory_.get(), beside.c_str(), 0755);
  return sys::open_at(directory_.get(), beside.c_str(), O_RDONLY | O_DIRECTORY);
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
    totals = totals_of(sys::Cgroup(*std::move(directory)));
  } else if (directory_.is_open()) {
    totals = sys::Cgroup::cpu_totals(
        directory_.get(), path_in(jid, sys::cgroup_file::kCpuStat).c_str());
  }
  groups_.add_totals(jid, totals);
  return totals;
}

core::JobPeaks CgroupContainers::peaks(core::JobId jid) {
  const auto directory = open(jid);
  return directory ? sys::read_peaks(directory->get(), has_controllers_)
                   : core::JobPeaks{};
}

void CgroupContainers::read_usage(core::UsageView& usage) {
  auto directory = open(usage.jid);
  if (!directory) return;
  const sys::Cgroup cgroup(*std::move(directory));
  usage.totals = totals_of(cgroup);
  usage.memory = cgroup.memory_now();
  groups_.add_totals(usage.jid, usage.totals);
  if (!usage.memory) usage.memory = groups_.memory_now(usage.jid);
  std::uint64_t count = 0;
  cgroup.for_each_member([&count](core::Pid) { ++count; });
  usage.processes = count;
}

std::uint64_t CgroupContainers::memory_kills(core::JobId jid) {
  return groups_.kills_below(jid);
}

core::Result<std::vector<sys::UniqueFd>> CgroupContainers::joins(
    core::JobId jid) {
  return groups_.joins(jid);
}

std::vector<sys::UniqueFd> CgroupContainers::exits(core::JobId jid,
                                                   const std::string& origin) {
  std::vector<sys::UniqueFd> places;
  const auto add = [&places](core::Result<sys::UniqueFd> directory) {
    if (directory) places.push_back(*std::move(directory));
  };
  const core::JobId above = parent(jid);
  if (above != core::kNoJob) {
    add(open_for_newcomer(above));
    return places;
  }
  // What is seen as outside of our namespace is no place for us.
  if (origin.starts_with('/') && !origin.starts_with("/.."))
    add(sys::open_at(AT_FDCWD,
                     (std::string(sys::any_cgroup2_mount()) + origin).c_str(),
                     O_RDONLY | O_DIRECTORY));
  auto above_base =
      sys::open_at(directory_.get(), "..", O_RDONLY | O_DIRECTORY);
  // No process may be where controllers are passed down, but in the root.
  if (above_base && detail::passes_controllers(above_base->get()) &&
      sys::has_access(above_base->get(), sys::cgroup_file::kEvents, F_OK)) {
    (void)::mkdirat(directory_.get(), kLeft, 0755);
    above_base = sys::open_at(directory_.get(), kLeft, O_RDONLY | O_DIRECTORY);
  }
  add(std::move(above_base));
  return places;
}

core::Result<std::vector<sys::UniqueFd>> CgroupContainers::leaves(
    core::JobId jid) {
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
  TRY(remove_all(directory_.get(), place_of(jid).c_str()));
  parents_.erase(jid);
  ids_.erase(jid);
  return {};
}

/// Limits' groups of jobs whose container has gone.
void CgroupContainers::remove_leftovers() {
  if (!directory_.is_open()) return;
  for (const auto& [jid, path] : groups_.all())
    if (!sys::has_access(directory_.get(), path.c_str(), F_OK))
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
