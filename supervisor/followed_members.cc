// SPDX-License-Identifier: Apache-2.0
#include "supervisor/followed_members.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "sys/pid_fd.h"
#include "sys/proc_files.h"
#include "sys/process_tree.h"

namespace supervisor {

namespace {

/// A reading of /proc each: a bomb that outruns these is stopped by the next
/// step of the kill plan.
constexpr int kMostReadings = 16;
constexpr core::SignalNumber kStop(SIGSTOP);

core::Microseconds of_ticks(std::int64_t ticks) {
  static const long kTicks = std::max(::sysconf(_SC_CLK_TCK), 1L);
  return core::Microseconds(static_cast<std::uint64_t>(ticks) * 1000000U /
                            static_cast<std::uint64_t>(kTicks));
}

struct Reference {
  core::Pid pid;
  sys::PidFd pidfd;
};

/// Numbers that belong to members after the pidfds were opened belong to those
/// whose pidfds they are.
std::vector<Reference> refer_to_members(const core::Job& job,
                                        const FollowedMap& map) {
  std::vector<Reference> found;
  for (const core::Pid pid : followed_members(job, map))
    if (auto pidfd = sys::PidFd::open(pid))
      found.push_back({.pid = pid, .pidfd = *std::move(pidfd)});
  std::vector<core::Pid> still = followed_members(job, map);
  std::ranges::sort(still);
  std::erase_if(found, [&still](const Reference& one) {
    return !std::ranges::binary_search(still, one.pid);
  });
  return found;
}

}  // namespace

std::optional<core::Followed> know_process(core::Pid pid) {
  const auto stat = sys::read_proc_stat(pid);
  const auto used = cpu_use_of(pid);
  if (!stat || !used) return std::nullopt;
  return core::Followed{
      .pid = pid, .start_ticks = stat->start_ticks, .before = *used};
}

bool is_still(const core::Followed& process) {
  const auto stat = sys::read_proc_stat(process.pid);
  return stat && stat->start_ticks == process.start_ticks;
}

std::optional<core::CpuUse> cpu_use_of(core::Pid pid) {
  char buffer[1024];
  const auto text = sys::read_proc_file(pid, "stat", buffer);
  const std::size_t name = text ? text->rfind(')') : std::string_view::npos;
  if (name == std::string_view::npos) return std::nullopt;
  // proc_pid_stat(5): 4 is the first number behind name and state.
  constexpr int kFirst = 4;
  constexpr int kUser = 14;
  std::int64_t ticks[4] = {};
  sys::detail::NumberReader numbers(text->substr(name));
  for (int field = kFirst; field < kUser + 4; ++field) {
    const auto number = numbers.next();
    if (!number) return std::nullopt;
    if (field >= kUser) ticks[field - kUser] = *number;
  }
  return core::CpuUse{.user = of_ticks(ticks[0] + ticks[2]),
                      .system = of_ticks(ticks[1] + ticks[3])};
}

std::vector<core::Pid> followed_members(const core::Job& job,
                                        const FollowedMap& map) {
  if (!core::has_followed(job)) return {};
  std::vector<core::Pid> roots;
  for (const core::Followed& one : job.followed->living) {
    const auto stat = sys::read_proc_stat(one.pid);
    if (stat && stat->start_ticks == one.start_ticks && stat->state != 'Z')
      roots.push_back(one.pid);
  }
  std::set<core::Pid> members(roots.begin(), roots.end());
  // A child may have been attached elsewhere.
  for (const core::Pid pid : sys::descendants_of(roots))
    if (sys::read_proc_job(pid) == core::kNoJob) members.insert(pid);
  // Also those whose parents have gone.
  const std::vector<core::Pid> known = map.members(job.jid);
  members.insert(known.begin(), known.end());
  return {members.begin(), members.end()};
}

void signal_followed(const core::Job& job, const FollowedMap& map,
                     core::SignalNumber signal) {
  if (!core::has_followed(job)) return;
  for (const Reference& member : refer_to_members(job, map))
    (void)member.pidfd.signal(signal);  // or it has ended
}

void kill_followed(const core::Job& job, const FollowedMap& map) {
  if (!core::has_followed(job)) return;
  std::set<core::Pid> stopped;
  std::vector<Reference> members;
  for (int reading = 0; reading < kMostReadings; ++reading) {
    members = refer_to_members(job, map);
    bool is_new = false;
    for (const Reference& member : members) {
      if (!stopped.insert(member.pid).second) continue;
      is_new = true;
      (void)member.pidfd.signal(kStop);
    }
    if (!is_new) break;
  }
  for (const Reference& member : members)
    (void)member.pidfd.signal(core::kSigkill);
}

core::CpuUse use_of_followed(const core::Job& job, const FollowedMap& map) {
  core::CpuUse sum;
  if (!core::has_followed(job)) return sum;
  const auto add = [&sum](const core::CpuUse& used) {
    sum = {.user = sum.user + used.user, .system = sum.system + used.system};
  };
  for (const core::Pid pid : followed_members(job, map)) {
    const auto used = cpu_use_of(pid);
    if (!used) continue;
    const auto at =
        std::ranges::find(job.followed->living, pid, &core::Followed::pid);
    add(at == job.followed->living.end() ? *used
                                         : core::since(*used, at->before));
  }
  return sum;
}

void add_followed(const core::Job& job, const FollowedMap& map,
                  std::uint64_t cgroup, core::JobTotals& totals) {
  if (!job.followed) return;
  const core::CpuUse living = use_of_followed(job, map);
  const core::FollowedProcesses& all = *job.followed;
  if (totals.user_time)
    *totals.user_time = *totals.user_time + living.user + all.used.user;
  if (totals.system_time)
    *totals.system_time = *totals.system_time + living.system + all.used.system;
  const FollowedMap::Count counted =
      map.count_of({.jid = job.jid, .cgroup = cgroup});
  // The kernel counted them, and all who descended from them.
  if (counted.is_sure && counted.roots == all.ended) return;
  if (totals.processes)
    *totals.processes += all.ended -
                         std::min<std::uint64_t>(counted.roots, all.ended) -
                         totals.processes_not_seen.value_or(0);
  totals.processes_not_seen.reset();
}

}  // namespace supervisor
