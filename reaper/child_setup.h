// SPDX-License-Identifier: Apache-2.0
// What a child does between clone and exec: a table of stages, walked in order.
// Only system calls, nothing that allocates or locks. The stage that it is in
// stands in memory it shares with its parent, so that a launch that hangs is
// named by its stage; a stage that fails goes up the report pipe as a
// core::LaunchFailure. The pipe closes on exec: its end without a word means
// that the program runs (or that the child was killed).
#pragma once

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <span>

#include "core/launch_stage.h"
#include "reaper/caller_signals.h"
#include "reaper/exec_search.h"
#include "reaper/foreground.h"
#include "reaper/launch_block.h"
#include "reaper/listen_pid.h"
#include "sys/clone.h"
#include "sys/urgency.h"

namespace reaper {

/// Everything that a child is to become. Points into memory of the caller that
/// the child has its own copy of.
struct ChildPlan {
  char** argv = nullptr;  ///< argv[-1] must be writable
  char** envp = nullptr;
  const char* search = nullptr;  ///< PATH's value; null: argv[0] is a path
  const char* cwd = nullptr;     ///< null: stay
  std::uint32_t flags = 0;       ///< LaunchHeader::Flags
  std::uint32_t uid = 0;         ///< with kSetUser
  std::uint32_t gid = 0;
  std::span<const std::uint32_t> groups;
  std::span<const LaunchLimit> limits;
  std::uint32_t umask = 022;  ///< with kSetUmask
  /// Undoes what the parent has of priorities; null: they are inherited.
  void (*reset_schedule)() = nullptr;
  /// `descriptors[i]` becomes number `targets[i]`, or is joined (kJoin). With
  /// kOnlyTargets 0, 1 and 2 are closed unless they are targets.
  std::span<const int> descriptors;
  std::span<const std::int32_t> targets;
  /// With kKeepSignals: given back before exec; null: ours are the caller's.
  const CallerSignals* caller_signals = nullptr;
  /// Where the kernel writes the child's pid before it runs; null: nowhere.
  core::Pid* pid = nullptr;
  /// Where the child says in which stage it is; null: nowhere.
  volatile std::uint32_t* stage = nullptr;
  int report = -1;  ///< the report pipe's writing end
  /// Made urgent before the program runs, which may be a bomb; 0: nobody. Not
  /// before the child is born: it would not get the caller's priority back.
  pid_t urgent = 0;
  int withheld = -1;  ///< closed first; -1: nothing

  /// A checked launch block that fills in all of the above but `descriptors`,
  /// in the child, by overwriting its copy of the memory; null: nothing.
  const LaunchBlock* block = nullptr;
  std::byte* block_memory = nullptr;

  /// For the children of the reaper itself, beyond LaunchHeader::Flags.
  static constexpr std::uint32_t kOnlyTargets = 1U << 16;
  static constexpr std::uint32_t kOwnGroup = 1U << 17;
  static constexpr std::uint32_t kListenPid = 1U << 18;

  [[nodiscard]] bool has(std::uint32_t flag) const {
    return (flags & flag) != 0;
  }
};

namespace detail {

// On 32-bit machines the calls without a suffix know 16-bit ids only.
#ifdef SYS_setresuid32
inline constexpr long kSetResUid = SYS_setresuid32;
inline constexpr long kSetResGid = SYS_setresgid32;
inline constexpr long kSetGroups = SYS_setgroups32;
#else
inline constexpr long kSetResUid = SYS_setresuid;
inline constexpr long kSetResGid = SYS_setresgid;
inline constexpr long kSetGroups = SYS_setgroups;
#endif

/// errno if the call said -1, else 0.
inline int code_of(long result) {
  return result < 0 ? errno : 0;
}

/// Turns `count` offsets at `at` into pointers and a null, in place. A pointer
/// is never larger than an offset, so writing stays behind reading.
inline char** make_pointers(std::byte* base, std::uint64_t at,
                            std::uint32_t count) {
  char** const pointers = reinterpret_cast<char**>(base + at);
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint64_t offset = 0;
    std::memcpy(&offset, base + at + std::uint64_t{i} * 8, sizeof offset);
    pointers[i] = reinterpret_cast<char*>(base + offset);
  }
  pointers[count] = nullptr;
  return pointers;
}

/// The header's last word, already copied, is what argv[-1] overwrites.
inline int read_block(ChildPlan& plan) {
  if (plan.block == nullptr) return 0;
  const LaunchHeader& header = plan.block->header();
  const LaunchLayout& layout = plan.block->layout();
  std::byte* const base = plan.block_memory;
  plan.argv = make_pointers(base, layout.argv, header.argc);
  plan.envp = make_pointers(base, layout.envp, header.envc);
  plan.search = header.search_path == 0
                    ? nullptr
                    : plan.block->text_at(header.search_path);
  plan.cwd = plan.block->text_at(header.cwd);
  plan.flags = header.flags | ChildPlan::kOnlyTargets;
  plan.uid = header.uid;
  plan.gid = header.gid;
  plan.umask = header.umask;
  // The parts follow argv, which is aligned to 8, in falling alignment.
  plan.groups = {reinterpret_cast<std::uint32_t*>(base + layout.groups),
                 header.group_count};
  plan.limits = {reinterpret_cast<LaunchLimit*>(base + layout.limits),
                 header.limit_count};
  plan.targets = {reinterpret_cast<std::int32_t*>(base + layout.targets),
                  header.fd_count};
  return 0;
}

inline int enter_session(ChildPlan& plan) {
  if (plan.has(ChildPlan::kOwnGroup)) take_own_group();
  if (!plan.has(LaunchHeader::kNewSession)) return 0;
  return code_of(::setsid());
}

inline bool is_target(const ChildPlan& plan, int number) {
  for (const std::int32_t target : plan.targets)
    if (target == number) return true;
  return false;
}

/// A copy of `fd` above every target, which dup2(2) to a target cannot harm.
inline int move_above(int fd, int highest) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the system call is so
  return ::fcntl(fd, F_DUPFD_CLOEXEC, highest + 1);
}

inline int place_descriptors(ChildPlan& plan) {
  int highest = 2;
  for (const std::int32_t target : plan.targets)
    if (target > highest) highest = target;
  if (plan.report >= 0 && plan.report <= highest) {
    const int report = move_above(plan.report, highest);
    if (report < 0) return errno;
    plan.report = report;
  }
  int moved[kMostTargets];
  for (std::size_t i = 0; i < plan.targets.size(); ++i) {
    moved[i] = move_above(plan.descriptors[i], highest);
    if (moved[i] < 0) return errno;
  }
  for (std::size_t i = 0; i < plan.targets.size(); ++i) {
    const bool is_join = plan.targets[i] == kJoin;
    if ((is_join ? ::write(moved[i], "0", 1)
                 : ::dup2(moved[i], plan.targets[i])) < 0)
      return errno;
    if (is_join) (void)::close(plan.descriptors[i]);  // not to be inherited
  }
  for (int number = 0; number <= 2; ++number)
    if (plan.has(ChildPlan::kOnlyTargets) && !is_target(plan, number))
      (void)::close(number);  // it may be closed already
  return 0;
}

inline int set_limits(ChildPlan& plan) {
  for (const LaunchLimit& limit : plan.limits) {
    const std::uint64_t values[2] = {limit.soft, limit.hard};
    if (::syscall(SYS_prlimit64, 0, limit.resource, values, nullptr) < 0)
      return errno;
  }
  return 0;
}

inline int set_schedule(ChildPlan& plan) {
  if (plan.reset_schedule != nullptr) plan.reset_schedule();
  if (plan.has(LaunchHeader::kSetUmask)) (void)::umask(plan.umask & 0777);
  return 0;
}

inline int set_groups(ChildPlan& plan) {
  if (!plan.has(LaunchHeader::kSetUser)) return 0;
  if (::syscall(kSetGroups, plan.groups.size(), plan.groups.data()) < 0)
    return errno;
  return code_of(::syscall(kSetResGid, plan.gid, plan.gid, plan.gid));
}

inline int set_user(ChildPlan& plan) {
  if (!plan.has(LaunchHeader::kSetUser)) return 0;
  return code_of(::syscall(kSetResUid, plan.uid, plan.uid, plan.uid));
}

/// After the user was set: it is he who must be allowed to enter.
inline int enter_directory(ChildPlan& plan) {
  return plan.cwd == nullptr ? 0 : code_of(::chdir(plan.cwd));
}

inline int drop_privileges(ChildPlan& plan) {
  if (!plan.has(LaunchHeader::kNoNewPrivileges)) return 0;
  return code_of(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

inline int unblock_signals(ChildPlan& plan) {
  if (plan.caller_signals != nullptr) plan.caller_signals->restore();
  if (plan.has(LaunchHeader::kKeepSignals)) return 0;
  (void)sys::set_signal_mask(sys::SignalSet::none());
  return 0;
}

inline int execute_plan(ChildPlan& plan) {
  ListenPid listen_pid;
  if (plan.has(ChildPlan::kListenPid)) listen_pid.rewrite(plan.envp);
  return execute_searching(plan.argv, plan.envp, plan.search);
}

struct ChildStage {
  core::LaunchStage name;
  int (*run)(ChildPlan& plan);  ///< errno, 0 if it went well
};

// NOLINTBEGIN(modernize-use-designated-initializers): a table
inline constexpr ChildStage kChildStages[] = {
    {core::LaunchStage::kDecode, read_block},
    {core::LaunchStage::kSession, enter_session},
    {core::LaunchStage::kDescriptors, place_descriptors},
    {core::LaunchStage::kLimits, set_limits},
    {core::LaunchStage::kSchedule, set_schedule},
    {core::LaunchStage::kGroups, set_groups},
    {core::LaunchStage::kUser, set_user},
    {core::LaunchStage::kDirectory, enter_directory},
    {core::LaunchStage::kPrivileges, drop_privileges},
    {core::LaunchStage::kSignals, unblock_signals},
    {core::LaunchStage::kExec, execute_plan},
};
// NOLINTEND(modernize-use-designated-initializers)

[[noreturn]] inline void give_up(const ChildPlan& plan,
                                 core::LaunchFailure failure) {
  // A parent that has gone reads nothing; there is nobody else to tell.
  (void)!::write(plan.report, &failure, sizeof failure);
  ::_exit(failure.stage == core::LaunchStage::kExec && failure.code == ENOENT
              ? 127
              : 126);
}

}  // namespace detail

/// Walks the stages; never returns. `clone_code` is what Cloned::code said.
[[noreturn]] inline void become(ChildPlan& plan, int clone_code) {
  if (clone_code != 0)
    detail::give_up(plan,
                    {.stage = core::LaunchStage::kClone, .code = clone_code});
  if (plan.withheld >= 0) (void)::close(plan.withheld);
  if (plan.urgent != 0) sys::become_urgent(plan.urgent);
  core::LaunchFailure failure;
  for (const detail::ChildStage& stage : detail::kChildStages) {
    if (plan.stage != nullptr)
      *plan.stage = static_cast<std::uint32_t>(stage.name);
    const int code = stage.run(plan);
    if (code != 0) failure = {.stage = stage.name, .code = code};
    if (code != 0) break;
  }
  detail::give_up(plan, failure);
}

}  // namespace reaper
