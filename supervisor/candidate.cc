// SPDX-License-Identifier: Apache-2.0
#include "supervisor/candidate.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "sys/cgroup_tree.h"
#include "sys/proc_files.h"

namespace supervisor {

namespace {

using core::Refusal;

constexpr std::uint32_t kKernelThread = 0x00200000;  // PF_KTHREAD

std::unexpected<core::Refused> refuse_gone(core::Pid pid) {
  return refuse(Refusal::kNoSuchProcess,
                "process " + std::to_string(pid.raw()) + " has ended");
}

core::Answer<sys::PidFd> open_process(core::Pid pid) {
  auto pidfd = sys::PidFd::open(pid);
  if (pidfd) return *std::move(pidfd);
  const std::string name = "process " + std::to_string(pid.raw());
  if (pidfd.error().code == ESRCH)
    return refuse(Refusal::kNoSuchProcess, "there is no " + name);
  if (pidfd.error().code == EINVAL || pidfd.error().code == ENOENT)
    return refuse(Refusal::kInvalid,
                  name + " is a thread of a process, expected the process");
  return refuse(Refusal::kUnavailable, "cannot refer to " + name + ": " +
                                           pidfd.error().message().c_str());
}

/// The file that a process runs; nothing if that cannot be seen.
std::optional<std::pair<dev_t, ino_t>> program_of(core::Pid pid) {
  struct stat facts = {};
  const std::string path = "/proc/" + std::to_string(pid.raw()) + "/exe";
  if (::stat(path.c_str(), &facts) < 0) return std::nullopt;
  return std::pair(facts.st_dev, facts.st_ino);
}

/// Our parent is the reaper; store, killer and workers are the two's programs.
bool is_corral(core::Pid pid) {
  const core::Pid own(::getpid());
  const core::Pid reaper(::getppid());
  if (pid.raw() == 1 || pid == own || pid == reaper) return true;
  const auto program = program_of(pid);
  return program && (program == program_of(own) ||
                     (reaper.raw() > 1 && program == program_of(reaper)));
}

}  // namespace

std::vector<core::Uid> uids_of(core::Pid pid) {
  char buffer[1024];
  const auto text = sys::read_proc_file(pid, "status", buffer);
  auto numbers = sys::detail::line_of(text.value_or(""), "Uid:");
  std::vector<core::Uid> uids;
  while (numbers && uids.size() < kKindsOfUid) {
    const auto uid = numbers->next();
    if (!uid) break;
    uids.emplace_back(static_cast<std::uint32_t>(*uid));
  }
  return uids;
}

bool is_all_of(core::Pid pid, core::Uid uid) {
  const std::vector<core::Uid> uids = uids_of(pid);
  return uids.size() == kKindsOfUid &&
         std::ranges::count(uids, uid) == kKindsOfUid;
}

core::Answer<core::Pid> pid_of(int pidfd) {
  char buffer[512];
  const std::string path = "/proc/self/fdinfo/" + std::to_string(pidfd);
  const auto text = sys::read_small_file(path.c_str(), buffer);
  auto numbers = sys::detail::line_of(text.value_or(""), "Pid:");
  const auto pid = numbers ? numbers->next() : std::nullopt;
  if (!pid)
    return refuse(Refusal::kInvalid,
                  "the descriptor refers to no process, expected a pidfd");
  if (*pid < 0)
    return refuse(Refusal::kNoSuchProcess, "the pidfd's process has ended");
  if (*pid == 0)
    return refuse(Refusal::kNoSuchProcess,
                  "the pidfd's process is not visible in the instance's pid "
                  "namespace");
  return core::Pid(static_cast<std::int32_t>(*pid));
}

core::Answer<FoundProcess> find_process(core::ProcessRef process) {
  FoundProcess found;
  core::Candidate& facts = found.facts;
  if (process.pidfd.is_open()) {
    found.pidfd = sys::PidFd(sys::UniqueFd(std::move(process.pidfd)));
    facts.pid = TRY(pid_of(found.pidfd.get()));
  } else {
    facts.pid = process.pid;
    found.pidfd = TRY(open_process(process.pid));
  }
  const auto stat = sys::read_proc_stat(facts.pid);
  facts.uids = uids_of(facts.pid);
  char buffer[4608];
  const auto cgroups = sys::read_proc_file(facts.pid, "cgroup", buffer);
  if (!stat || facts.uids.size() < kKindsOfUid || !cgroups)
    return refuse_gone(facts.pid);
  facts.cgroup = sys::cgroup2_path_in(*cgroups);
  facts.job = sys::parse_proc_job(*cgroups, sys::own_cgroup_path());
  facts.command = stat->name();
  facts.is_kernel_thread = (stat->flags & kKernelThread) != 0;
  facts.is_corral = is_corral(facts.pid);
  if (found.pidfd.has_exited()) return refuse_gone(facts.pid);
  return found;
}

}  // namespace supervisor
