// SPDX-License-Identifier: Apache-2.0
#include "supervisor/containers.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "sys/cgroup.h"
#include "sys/cgroup_tree.h"
#include "sys/clock.h"
#include "sys/proc_files.h"

namespace supervisor {

namespace {

/// Names of more processes than these would not fit anyway.
constexpr std::uint32_t kMostNamed = 8;

/// The base as /proc/PID/cgroup has it: below the cgroup mount.
std::string below_mount(std::string base) {
  const std::string_view mount = sys::cgroup2_mount();
  if (base.starts_with(mount)) base.erase(0, mount.size());
  return base;
}

}  // namespace

CgroupContainers::CgroupContainers(std::string base, sys::UniqueFd directory)
    : base_(std::move(base)),
      below_mount_(below_mount(base_)),
      directory_(std::move(directory)) {}

core::Result<void> CgroupContainers::make(core::JobId jid) {
  if (!directory_.is_open()) return core::fail(ENOTSUP, "make cgroup");
  const auto name = core::path_name(jid);
  if (::mkdirat(directory_.get(), name.c_str(), 0755) < 0 && errno != EEXIST)
    return core::fail(errno, "make cgroup", name.view());
  return {};
}

core::Result<sys::UniqueFd> CgroupContainers::open(core::JobId jid) {
  if (!directory_.is_open()) return core::fail(ENOTSUP, "open cgroup");
  return sys::open_at(directory_.get(), core::path_name(jid).c_str(),
                      O_RDONLY | O_DIRECTORY);
}

core::Result<bool> CgroupContainers::is_populated(core::JobId jid) {
  if (!directory_.is_open()) return core::fail(ENOTSUP, "open cgroup");
  core::Text<47> path(core::path_name(jid).view());
  path.append("/").append(sys::cgroup_file::kEvents);
  char buffer[256];
  const auto text =
      sys::read_small_file_at(directory_.get(), path.c_str(), buffer);
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
  auto directory = open(jid);
  if (!directory) return {};
  return sys::Cgroup(*std::move(directory)).totals();
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
  return sys::Cgroup::remove(directory_.get(), core::path_name(jid).c_str());
}

std::vector<core::JobId> CgroupContainers::all() {
  std::vector<core::JobId> jobs;
  if (!directory_.is_open()) return jobs;
  sys::Cgroup::for_each_child(directory_.get(), [&](const char* name) {
    if (const auto jid = core::job_of_path_name(name)) jobs.push_back(*jid);
  });
  return jobs;
}

core::Moment CgroupContainers::made(core::JobId jid) {
  const core::Moment now = sys::now();
  struct stat facts = {};
  if (::fstatat(directory_.get(), core::path_name(jid).c_str(), &facts, 0) < 0)
    return now;
  const core::RealTime real(
      static_cast<std::uint64_t>(facts.st_mtim.tv_sec) * 1000000U +
      static_cast<std::uint64_t>(facts.st_mtim.tv_nsec) / 1000U);
  const auto age =
      core::Microseconds(now.real.raw()) - core::Microseconds(real.raw());
  const auto boot = core::Microseconds(now.boot.raw()) - age;
  return {core::BootTime(boot.raw()), real};
}

std::string CgroupContainers::events_path(core::JobId jid) const {
  return base_ + "/" + core::path_name(jid).c_str() + "/" +
         sys::cgroup_file::kEvents;
}

std::string CgroupContainers::path(core::JobId jid) const {
  if (!directory_.is_open()) return {};
  return below_mount_ + "/" + core::path_name(jid).c_str();
}

}  // namespace supervisor
