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

std::string group_path(const std::string& place, core::JobId jid) {
  return place + "/" + core::path_name(jid).c_str();
}

core::Result<sys::Cgroup> open(const std::string& place, core::JobId jid) {
  return sys::Cgroup::open(AT_FDCWD, group_path(place, jid).c_str());
}

bool is_missing(const core::Error& error) {
  return error.code == ENOENT;
}

core::Result<sys::Cgroup> make(const std::string& place, core::JobId jid) {
  if (::mkdir(place.c_str(), 0755) < 0 && errno != EEXIST)
    return core::fail(errno, "make cgroup", place);
  return sys::Cgroup::make(AT_FDCWD, group_path(place, jid).c_str());
}

/// Who was moved, by pid and start: one whose first thread has ended, or who is
/// about to end, is not listed in the group that he was moved to.
using Moved = std::set<std::pair<core::Pid, std::uint64_t>>;

/// Moves who is outside; returns how many were. Whoever is forked by one who is
/// in it is in it; by one who is not yet, he is found by the next reading.
core::Result<std::size_t> move_in(const sys::Cgroup& group, core::JobId jid,
                                  const std::vector<core::Pid>& members,
                                  Moved& moved_before) {
  std::set<core::Pid> inside;
  group.for_each_member([&](core::Pid pid) { inside.insert(pid); });
  std::size_t moved = 0;
  for (const core::Pid pid : members) {
    if (inside.contains(pid)) continue;
    // It lives while we hold this, so the number is its own.
    const auto pidfd = sys::PidFd::open(pid);
    const auto stat = sys::read_proc_stat(pid);
    if (!pidfd || !stat || sys::read_proc_job(pid) != jid) continue;
    if (!moved_before.emplace(pid, stat->start_ticks).second) continue;
    const auto written =
        group.write(sys::cgroup_file::kProcs, std::to_string(pid.raw()));
    if (!written && written.error().code != ESRCH)
      return std::unexpected(written.error());
    ++moved;
  }
  return moved;
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

core::Result<void> remove_from(const std::string& place, core::JobId jid) {
  if (place.empty()) return {};
  const auto directory =
      sys::open_at(AT_FDCWD, place.c_str(), O_RDONLY | O_DIRECTORY);
  if (!directory) return {};  // it goes with the last
  TRY(sys::Cgroup::remove(directory->get(), core::path_name(jid).c_str()));
  (void)::rmdir(place.c_str());  // if that was the last
  return {};
}

}  // namespace

Cgroup1Limits::Cgroup1Limits(sys::GroupPlaces places)
    : places_(std::move(places)) {
  for (const Place place : kPlaces) {
    if (path_of(place).empty()) continue;
    const auto directory =
        sys::open_at(AT_FDCWD, path_of(place).c_str(), O_RDONLY | O_DIRECTORY);
    if (!directory) continue;
    sys::Cgroup::for_each_child(directory->get(), [&](const char* name) {
      if (const auto jid = core::job_of_path_name(name))
        jobs_[*jid] |= bit_of(place);
    });
  }
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

std::set<core::JobId> Cgroup1Limits::all() const {
  std::set<core::JobId> jobs;
  for (const auto& [jid, places] : jobs_)
    jobs.insert(jid);
  return jobs;
}

bool Cgroup1Limits::has_group(Place place, core::JobId jid) const {
  const auto at = jobs_.find(jid);
  return at != jobs_.end() && (at->second & bit_of(place)) != 0;
}

core::Result<sys::Cgroup> Cgroup1Limits::group_for(Place place, core::JobId jid,
                                                   bool is_bound) {
  const std::string& path = path_of(place);
  if (path.empty()) return core::fail(ENOTSUP, "hold limit");
  if (is_bound) {
    jobs_[jid] |= bit_of(place);  // before: one half made is removed too
    return make(path, jid);
  }
  if (!has_group(place, jid)) return sys::Cgroup();
  auto group = open(path, jid);
  if (!group && is_missing(group.error())) return sys::Cgroup();
  return group;
}

core::Result<void> Cgroup1Limits::hold_memory(
    core::JobId jid, std::optional<std::uint64_t> bound, bool is_counted,
    std::optional<std::uint64_t> swap) {
  const sys::Cgroup group = TRY(group_for(Place::kMemory, jid, is_counted));
  if (!group.is_open()) return {};
  std::optional<std::uint64_t> with_swap = bound;
  if (bound && swap) with_swap = *bound + *swap;
  return write_memory(group, text_of(bound, "-1"), text_of(with_swap, "-1"));
}

core::Result<void> Cgroup1Limits::move_all(const sys::Cgroup& group,
                                           core::JobId jid,
                                           const Members& members) {
  constexpr int kMostReadings = 64;
  Moved moved;
  for (int reading = 0; reading < kMostReadings; ++reading)
    if (TRY(move_in(group, jid, members(), moved)) == 0) return {};
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
  return move_all(group, jid, members);
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
  return move_all(group, jid, members);
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
  return procs_of(jid, sys::cgroup_file::kProcs);
}

/// The job's group is in a directory of ours beside the supervisor.
core::Result<std::vector<sys::UniqueFd>> Cgroup1Limits::leaves(
    core::JobId jid) const {
  return procs_of(jid, "../../cgroup.procs");
}

/// `path` from each group of the job.
core::Result<std::vector<sys::UniqueFd>> Cgroup1Limits::procs_of(
    core::JobId jid, const char* path) const {
  std::vector<sys::UniqueFd> files;
  for (const Place place : kPlaces) {
    if (!has_group(place, jid)) continue;
    auto group = open(path_of(place), jid);
    if (!group && is_missing(group.error())) continue;
    if (!group) return std::unexpected(std::move(group).error());
    files.push_back(TRY(sys::open_at(group->get(), path, O_WRONLY)));
  }
  return files;
}

core::Result<sys::UniqueFd> Cgroup1Limits::memory_events(
    core::JobId jid) const {
  if (!has_group(Place::kMemory, jid)) return sys::UniqueFd();
  const auto group = open(places_.memory, jid);
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
  if (!has_group(Place::kMemory, jid)) return sys::UniqueFd();
  const sys::Cgroup group = TRY(open(places_.memory, jid));
  return events_of(group, kMemoryUsage, std::to_string(threshold));
}

void Cgroup1Limits::add_totals(core::JobId jid, core::JobTotals& totals) const {
  if (!has_group(Place::kMemory, jid)) return;
  const auto group = open(places_.memory, jid);
  if (!group) return;
  char buffer[256];
  const auto kills = group->read(kOomControl, buffer);
  if (kills) totals.oom_kills = sys::value_of(*kills, "oom_kill");
  const auto peak = group->read("memory.max_usage_in_bytes", buffer);
  if (!peak) return;
  const auto bytes =
      core::parse_number(peak->substr(0, peak->find('\n')), UINT64_MAX);
  if (bytes) totals.memory_peak = core::Bytes(*bytes);
}

core::Maybe<core::Bytes> Cgroup1Limits::memory_now(core::JobId jid) const {
  if (!has_group(Place::kMemory, jid)) return std::nullopt;
  const auto group = open(places_.memory, jid);
  if (!group) return std::nullopt;
  const auto bytes = group->number(kMemoryUsage);
  return bytes ? core::Maybe<core::Bytes>(core::Bytes(*bytes)) : std::nullopt;
}

core::Maybe<std::uint64_t> Cgroup1Limits::tasks_now(core::JobId jid) const {
  if (!has_group(Place::kPids, jid)) return std::nullopt;
  const auto group = open(places_.pids, jid);
  return group ? group->number("pids.current") : std::nullopt;
}

core::Result<void> Cgroup1Limits::remove(core::JobId jid) {
  if (!jobs_.contains(jid)) return {};
  for (const Place place : kPlaces)
    if (has_group(place, jid)) TRY(remove_from(path_of(place), jid));
  jobs_.erase(jid);
  return {};
}

}  // namespace supervisor
