// SPDX-License-Identifier: Apache-2.0
#include "supervisor/cgroup1_limits.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <set>
#include <string_view>
#include <utility>

#include "core/number_text.h"
#include "sys/cgroup.h"
#include "sys/pid_fd.h"
#include "sys/proc_files.h"

namespace supervisor {

namespace {

constexpr const char* kMemoryLimit = "memory.limit_in_bytes";
constexpr const char* kMemoryUsage = "memory.usage_in_bytes";
constexpr const char* kOomControl = "memory.oom_control";
/// Memory and swap; there only with swap accounting.
constexpr const char* kMemoryAndSwapLimit = "memory.memsw.limit_in_bytes";

std::string text_of(std::optional<std::uint64_t> bound, const char* none) {
  return bound ? std::to_string(*bound) : none;
}

bool is_missing(const core::Error& error) {
  return error.code == ENOENT;
}

/// The kernel refuses a limit of memory above that of memory and swap, and one
/// of both below that of memory: which goes first depends on the direction.
core::Result<void> write_memory(const sys::Cgroup& group,
                                std::string_view bound,
                                std::string_view with_swap) {
  auto written = group.write(kMemoryLimit, bound);
  if (!written && written.error().code == EBUSY) return written;
  const auto both = group.write(kMemoryAndSwapLimit, with_swap);
  if (!both && !is_missing(both.error())) return both;
  if (!written && written.error().code == EINVAL)
    written = group.write(kMemoryLimit, bound);
  return written;
}

core::Result<void> remove_from(const std::string& place,
                               const std::string& path) {
  if (place.empty()) return {};
  const auto directory =
      sys::open_at(AT_FDCWD, place.c_str(), O_RDONLY | O_DIRECTORY);
  if (!directory) return {};  // it goes with the last
  TRY(sys::Cgroup::remove(directory->get(), path.c_str()));
  (void)::rmdir(place.c_str());  // if that was the last
  return {};
}

std::uint64_t kills_in(const sys::Cgroup& group) {
  char buffer[256];
  const auto text = group.read(kOomControl, buffer);
  return text ? sys::value_of(*text, "oom_kill").value_or(0) : 0;
}

/// Whether nothing is bounded there, but for a soft bound.
bool is_unlimited(const sys::Cgroup& group) {
  constexpr std::uint64_t kNoLimit = std::uint64_t{1} << 62;
  const auto bound = group.number(kMemoryLimit);
  return !bound || *bound >= kNoLimit;
}

}  // namespace

Cgroup1Limits::Cgroup1Limits(sys::GroupPlaces places, ParentOf parent_of)
    : places_(std::move(places)), parent_of_(std::move(parent_of)) {
  for (const Place place : kPlaces) {
    if (path_of(place).empty()) continue;
    const auto directory =
        sys::open_at(AT_FDCWD, path_of(place).c_str(), O_RDONLY | O_DIRECTORY);
    if (directory) find_groups(place, directory->get(), {});
  }
}

void Cgroup1Limits::find_groups(Place place, int directory,
                                const std::string& path) {
  sys::Cgroup::for_each_child(directory, [&](const char* name) {
    const auto jid = core::job_of_path_name(name);
    if (!jid) return;
    Groups& groups = jobs_[*jid];
    groups.places |= bit_of(place);
    groups.path = path + name;
    const auto group = sys::Cgroup::open(directory, name);
    if (!group) return;
    find_groups(place, group->get(), path + name + "/");
    // Those of a soft bound alone are told by hold_memory().
    if (place == Place::kMemory)
      jobs_[*jid].counts_memory = !is_unlimited(*group);
  });
}

const std::string& Cgroup1Limits::path_of(Place place) const {
  switch (place) {
    case Place::kMemory:
      return places_.memory;
    case Place::kPids:
      return places_.pids;
    case Place::kCpu:
      return places_.cpu;
    case Place::kCpuset:
      return places_.cpuset;
    case Place::kBlkio:
      break;
  }
  return places_.blkio;
}

std::map<core::JobId, std::string> Cgroup1Limits::all() const {
  std::map<core::JobId, std::string> jobs;
  for (const auto& [jid, groups] : jobs_)
    jobs[jid] = groups.path;
  return jobs;
}

bool Cgroup1Limits::has_group(Place place, core::JobId jid) const {
  const auto at = jobs_.find(jid);
  return at != jobs_.end() && (at->second.places & bit_of(place)) != 0;
}

bool Cgroup1Limits::counts_memory(core::JobId jid) const {
  return has_group(Place::kMemory, jid) && jobs_.at(jid).counts_memory;
}

core::JobId Cgroup1Limits::nearest(Place place, core::JobId jid) const {
  while (jid != core::kNoJob && !has_group(place, jid))
    jid = parent_of_(jid);
  return jid;
}

core::Result<sys::Cgroup> Cgroup1Limits::open(Place place,
                                              core::JobId jid) const {
  return sys::Cgroup::open(AT_FDCWD,
                           (path_of(place) + "/" + jobs_.at(jid).path).c_str());
}

/// With those of the jobs around it.
core::Result<sys::Cgroup> Cgroup1Limits::make(Place place, core::JobId jid) {
  const core::JobId above = parent_of_(jid);
  std::string path;
  if (above != core::kNoJob) {
    if (!has_group(place, above)) {
      if (place == Place::kMemory) jobs_[above].counts_memory = false;
      const sys::Cgroup outer = TRY(make(place, above));
      if (place == Place::kCpuset) TRY(write_cpu_set1(outer, {}));
    }
    path = jobs_[above].path + "/";
  }
  Groups& groups = jobs_[jid];
  groups.places |= bit_of(place);  // before: one half made is removed too
  groups.path = path.append(core::path_name(jid).view());
  const std::string& root = path_of(place);
  if (::mkdir(root.c_str(), 0755) < 0 && errno != EEXIST)
    return core::fail(errno, "make cgroup", root);
  return sys::Cgroup::make(AT_FDCWD, (root + "/" + groups.path).c_str());
}

core::Result<sys::Cgroup> Cgroup1Limits::group_for(Place place, core::JobId jid,
                                                   bool is_bound) {
  if (path_of(place).empty()) return core::fail(ENOTSUP, "hold limit");
  if (is_bound) return make(place, jid);
  if (!has_group(place, jid)) return sys::Cgroup();
  auto group = open(place, jid);
  if (!group && is_missing(group.error())) return sys::Cgroup();
  return group;
}

core::Result<void> Cgroup1Limits::hold_memory(
    core::JobId jid, std::optional<std::uint64_t> bound, bool is_counted,
    std::optional<std::uint64_t> swap) {
  const sys::Cgroup group = TRY(group_for(Place::kMemory, jid, is_counted));
  if (!group.is_open()) return {};
  if (is_counted) jobs_[jid].counts_memory = true;
  std::optional<std::uint64_t> with_swap = bound;
  if (bound && swap) with_swap = *bound + *swap;
  return write_memory(group, text_of(bound, "-1"), text_of(with_swap, "-1"));
}

/// Moves who is outside; returns how many were. Whoever is forked by one who is
/// in it is in it; by one who is not yet, he is found by the next reading.
core::Result<std::size_t> Cgroup1Limits::move_in(
    Place place, const sys::Cgroup& group, core::JobId jid,
    const std::vector<core::Pid>& members, Moved& moved_before) const {
  std::set<core::Pid> inside;
  group.for_each_member([&](core::Pid pid) { inside.insert(pid); });
  std::size_t moved = 0;
  for (const core::Pid pid : members) {
    if (inside.contains(pid)) continue;
    // It lives while we hold this, so the number is its own.
    const auto pidfd = sys::PidFd::open(pid);
    const auto stat = sys::read_proc_stat(pid);
    const auto job = sys::read_proc_job(pid);
    if (!pidfd || !stat || !job || nearest(place, *job) != jid) continue;
    if (!moved_before.emplace(pid, stat->start_ticks).second) continue;
    const auto written =
        group.write(sys::cgroup_file::kProcs, std::to_string(pid.raw()));
    if (!written && written.error().code != ESRCH)
      return std::unexpected(written.error());
    ++moved;
  }
  return moved;
}

core::Result<void> Cgroup1Limits::move_all(Place place,
                                           const sys::Cgroup& group,
                                           core::JobId jid,
                                           const Members& members) const {
  constexpr int kMostReadings = 64;
  Moved moved;
  for (int reading = 0; reading < kMostReadings; ++reading)
    if (TRY(move_in(place, group, jid, members(), moved)) == 0) return {};
  return core::fail(EAGAIN, "move processes to their limit");
}

core::Result<void> Cgroup1Limits::hold_processes(
    core::JobId jid, std::optional<std::uint64_t> bound,
    const Members& members) {
  const sys::Cgroup group =
      TRY(group_for(Place::kPids, jid, bound.has_value()));
  if (!group.is_open()) return {};
  TRY(group.write("pids.max", text_of(bound, "max")));
  if (!bound) return {};
  return move_all(Place::kPids, group, jid, members);
}

core::Result<void> Cgroup1Limits::hold_rate(Place place, core::JobId jid,
                                            bool is_bound, WriteRate write,
                                            const RateBounds& rates,
                                            const Members& members) {
  if (!is_bound && !has_group(place, jid)) return {};
  const sys::Cgroup group = TRY(group_for(place, jid, is_bound));
  if (!group.is_open()) return {};
  // The directory above may be new too.
  if (place == Place::kCpuset && is_bound) {
    const sys::Cgroup above =
        TRY(sys::Cgroup::open(AT_FDCWD, path_of(place).c_str()));
    TRY(write_cpu_set1(above, {}));
  }
  TRY(write(group, rates));
  if (!is_bound) return {};
  return move_all(place, group, jid, members);
}

core::Result<void> Cgroup1Limits::hold_rates(core::JobId jid,
                                             const RateBounds& rates,
                                             const Members& members) {
  TRY(hold_rate(Place::kCpu, jid, rates.cpu_rate.has_value(), write_cpu_rate1,
                rates, members));
  TRY(hold_rate(Place::kCpuset, jid, rates.cpu_set.has_value(), write_cpu_set1,
                rates, members));
  return hold_rate(Place::kBlkio, jid, rates.has_io(), write_io1, rates,
                   members);
}

core::Result<std::vector<sys::UniqueFd>> Cgroup1Limits::joins(
    core::JobId jid) const {
  std::vector<sys::UniqueFd> files;
  for (const Place place : kPlaces)
    if (const core::JobId holder = nearest(place, jid); holder != core::kNoJob)
      TRY(add_procs(place, holder, sys::cgroup_file::kProcs, files));
  return files;
}

/// The group is in that of the job around it, or in a directory of ours beside
/// the supervisor.
core::Result<std::vector<sys::UniqueFd>> Cgroup1Limits::leaves(
    core::JobId jid) const {
  const bool is_nested = parent_of_(jid) != core::kNoJob;
  std::vector<sys::UniqueFd> files;
  for (const Place place : kPlaces)
    if (has_group(place, jid))
      TRY(add_procs(place, jid,
                    is_nested ? "../cgroup.procs" : "../../cgroup.procs",
                    files));
  return files;
}

core::Result<void> Cgroup1Limits::add_procs(
    Place place, core::JobId jid, const char* path,
    std::vector<sys::UniqueFd>& files) const {
  auto group = open(place, jid);
  if (!group && is_missing(group.error())) return {};
  if (!group) return std::unexpected(std::move(group).error());
  files.push_back(TRY(sys::open_at(group->get(), path, O_WRONLY)));
  return {};
}

core::Result<sys::UniqueFd> Cgroup1Limits::memory_events(
    core::JobId jid) const {
  if (!counts_memory(jid)) return sys::UniqueFd();
  const auto group = open(Place::kMemory, jid);
  if (!group && is_missing(group.error())) return sys::UniqueFd();
  if (!group) return std::unexpected(group.error());
  return events_of(*group, kOomControl, {});
}

/// cgroup-v1/memory.rst, "OOM Control" and "Memory thresholds".
core::Result<sys::UniqueFd> Cgroup1Limits::events_of(
    const sys::Cgroup& group, const char* file, std::string_view argument) {
  const sys::UniqueFd control = TRY(sys::open_at(group.get(), file, O_RDONLY));
  sys::UniqueFd events(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!events.is_open()) return core::fail(errno, "eventfd");
  core::Text<63> request;
  request.append_number(events.get()).append(" ").append_number(control.get());
  if (!argument.empty()) request.append(" ").append(argument);
  TRY(group.write("cgroup.event_control", request.view()));
  return events;
}

core::Result<sys::UniqueFd> Cgroup1Limits::memory_above(
    core::JobId jid, std::uint64_t threshold) const {
  if (!counts_memory(jid)) return sys::UniqueFd();
  const sys::Cgroup group = TRY(open(Place::kMemory, jid));
  return events_of(group, kMemoryUsage, std::to_string(threshold));
}

/// The kernel counts a kill where the killed one was, whoever's bound it was.
std::uint64_t Cgroup1Limits::kills_below(core::JobId jid) const {
  if (!has_group(Place::kMemory, jid)) return 0;
  const auto group = open(Place::kMemory, jid);
  if (!group) return 0;
  std::uint64_t kills = kills_in(*group) + jobs_.at(jid).kills_within;
  for (const auto& [nested, groups] : jobs_)
    if (parent_of_(nested) == jid) kills += kills_below(nested);
  return kills;
}

void Cgroup1Limits::add_totals(core::JobId jid, core::JobTotals& totals) const {
  if (!counts_memory(jid)) return;
  const auto group = open(Place::kMemory, jid);
  if (!group) return;
  char buffer[256];
  totals.oom_kills = kills_in(*group);
  const auto peak = group->read("memory.max_usage_in_bytes", buffer);
  if (!peak) return;
  const auto bytes =
      core::parse_number(peak->substr(0, peak->find('\n')), UINT64_MAX);
  if (bytes) totals.memory_peak = core::Bytes(*bytes);
}

core::Maybe<core::Bytes> Cgroup1Limits::memory_now(core::JobId jid) const {
  if (!counts_memory(jid)) return std::nullopt;
  const auto group = open(Place::kMemory, jid);
  if (!group) return std::nullopt;
  const auto bytes = group->number(kMemoryUsage);
  return bytes ? core::Maybe<core::Bytes>(core::Bytes(*bytes)) : std::nullopt;
}

core::Maybe<std::uint64_t> Cgroup1Limits::tasks_now(core::JobId jid) const {
  if (!has_group(Place::kPids, jid)) return std::nullopt;
  const auto group = open(Place::kPids, jid);
  return group ? group->number("pids.current") : std::nullopt;
}

core::Result<void> Cgroup1Limits::remove(core::JobId jid) {
  if (!jobs_.contains(jid)) return {};
  const core::JobId above = parent_of_(jid);
  const bool is_within =
      has_group(Place::kMemory, jid) && has_group(Place::kMemory, above);
  const std::uint64_t kills = is_within ? kills_below(jid) : 0;
  for (const Place place : kPlaces)
    if (has_group(place, jid))
      TRY(remove_from(path_of(place), jobs_.at(jid).path));
  jobs_.erase(jid);
  if (is_within) jobs_[above].kills_within += kills;
  return {};
}

}  // namespace supervisor
