// SPDX-License-Identifier: Apache-2.0
// By what means a job is held to each of its limits, on the facts of a host:
// decided here for admission and launch, and shown by `corral doctor`.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/containment.h"
#include "core/limits.h"

namespace core {

/// What a host lets an instance use, beside clocks and /proc.
struct LimitMeans {
  bool has_cgroup2_memory = false;  ///< controllers of the jobs' cgroups
  bool has_cgroup2_pids = false;
  bool has_cgroup2_cpu = false;
  bool has_cgroup2_cpuset = false;
  bool has_cgroup2_io = false;
  bool has_cgroup1_memory = false;  ///< hierarchies that are writable
  bool has_cgroup1_pids = false;
  bool has_cgroup1_cpu = false;
  bool has_cgroup1_cpuset = false;
  bool has_cgroup1_io = false;
  bool has_cgroup1_swap = false;  ///< memory and swap are counted together
};

enum class Hold : std::uint8_t {
  kNothing,      ///< nobody holds it
  kClock,        ///< a timer
  kReadings,     ///< a timer at the earliest breach, and readings
  kCgroup2,      ///< a controller of the job's own cgroup
  kCgroup1,      ///< a cgroup of the job in a hierarchy of version 1
  kEachProcess,  ///< setrlimit(2)
};

constexpr std::string_view name_of(Hold hold) {
  switch (hold) {
    case Hold::kNothing:
      return "nothing";
    case Hold::kClock:
      return "clock";
    case Hold::kReadings:
      return "readings";
    case Hold::kCgroup2:
      return "cgroup2";
    case Hold::kCgroup1:
      return "cgroup1";
    case Hold::kEachProcess:
      return "each process";
  }
  return "unknown";
}

/// Whether the kernel holds it for a job with all that is nested in it.
constexpr bool is_of_whole_job(Hold hold) {
  return hold == Hold::kCgroup2 || hold == Hold::kCgroup1;
}

struct HoldChoice {
  Hold hold = Hold::kNothing;
  /// Where it holds less than was asked: how. Empty: it holds for the job.
  std::string_view lacking;
};

namespace detail {

constexpr HoldChoice choose_kernel_hold(bool has_cgroup2, bool has_cgroup1,
                                        HoldChoice otherwise) {
  if (has_cgroup2) return {.hold = Hold::kCgroup2, .lacking = {}};
  if (has_cgroup1) return {.hold = Hold::kCgroup1, .lacking = {}};
  return otherwise;
}

/// What only a controller can hold: over it a job waits, or stays where it is.
constexpr HoldChoice choose_controller(LimitKind kind, bool has_cgroup,
                                       const LimitMeans& means) {
  if (!has_cgroup)
    return {.hold = Hold::kNothing,
            .lacking = "is not held: it needs a cgroup"};
  switch (kind) {
    case LimitKind::kSwap:
      return choose_kernel_hold(
          means.has_cgroup2_memory, means.has_cgroup1_swap,
          {.hold = Hold::kNothing,
           .lacking = "is not held: no cgroup here counts what is swapped "
                      "out"});
    case LimitKind::kCpuRate:
      return choose_kernel_hold(
          means.has_cgroup2_cpu, means.has_cgroup1_cpu,
          {.hold = Hold::kNothing,
           .lacking = "is not held: no cgroup here has the cpu controller"});
    case LimitKind::kCpuSet:
      return choose_kernel_hold(
          means.has_cgroup2_cpuset, means.has_cgroup1_cpuset,
          {.hold = Hold::kNothing,
           .lacking = "is not held: no cgroup here has the cpuset "
                      "controller"});
    default:
      break;
  }
  if (means.has_cgroup2_io) return {.hold = Hold::kCgroup2, .lacking = {}};
  if (means.has_cgroup1_io)
    return {.hold = Hold::kCgroup1,
            .lacking =
                "holds reads and direct writes, not what is written "
                "through the page cache (cgroup v1)"};
  return {.hold = Hold::kNothing,
          .lacking = "is not held: no cgroup here has the io controller"};
}

}  // namespace detail

/// `is_root`: the job's processes are root's.
constexpr HoldChoice choose_hold(LimitKind kind, Engine engine,
                                 const LimitMeans& means, bool is_root) {
  const bool has_cgroup = core::has_cgroup(engine);
  switch (kind) {
    case LimitKind::kWallTime:
      return {.hold = Hold::kClock, .lacking = {}};
    case LimitKind::kCpuTime:
    case LimitKind::kIdleTime:
      if (has_cgroup) return {.hold = Hold::kReadings, .lacking = {}};
      return {.hold = Hold::kReadings,
              .lacking = "is counted in /proc, without what nobody waited for"};
    case LimitKind::kMemory:
      return detail::choose_kernel_hold(
          has_cgroup && means.has_cgroup2_memory,
          has_cgroup && means.has_cgroup1_memory,
          {.hold = Hold::kEachProcess,
           .lacking = "holds for the data of each process (RLIMIT_DATA), not "
                      "for the job"});
    case LimitKind::kProcesses:
    case LimitKind::kThreads:
      return detail::choose_kernel_hold(
          has_cgroup && means.has_cgroup2_pids,
          has_cgroup && means.has_cgroup1_pids,
          is_root ? HoldChoice{.hold = Hold::kNothing,
                               .lacking = "is not held, as the kernel does not "
                                          "count root's processes"}
                  : HoldChoice{.hold = Hold::kEachProcess,
                               .lacking = "counts all processes and threads of "
                                          "the user (RLIMIT_NPROC), not the "
                                          "job's"});
    case LimitKind::kSwap:
    case LimitKind::kCpuRate:
    case LimitKind::kCpuSet:
    case LimitKind::kIoRate:
    case LimitKind::kIoOperations:
      return detail::choose_controller(kind, has_cgroup, means);
    case LimitKind::kLockedMemory:
      if (is_root)
        return {.hold = Hold::kNothing,
                .lacking =
                    "is not held, as the kernel does not bound what "
                    "root's processes lock"};
      return {.hold = Hold::kEachProcess, .lacking = {}};
    case LimitKind::kOpenFiles:
    case LimitKind::kVirtualMemory:
    case LimitKind::kFileSize:
    case LimitKind::kCoreSize:
      return {.hold = Hold::kEachProcess, .lacking = {}};
    case LimitKind::kNone:
      break;
  }
  return {};
}

/// A word for it in the table of limits, engines and kernels.
constexpr std::string_view verdict_of(const HoldChoice& choice) {
  if (choice.lacking.empty()) return "enforced";
  return choice.hold == Hold::kNothing ? "refused" : "approximated";
}

/// Why nobody sees a soft bound of the kind passed, anywhere, as the end of a
/// sentence that begins with its name; empty: somebody may.
constexpr std::string_view why_no_soft_bound(LimitKind kind) {
  switch (kind) {
    case LimitKind::kProcesses:
    case LimitKind::kThreads:
      return "has no soft bound: the kernel tells nobody how many there are";
    case LimitKind::kSwap:
    case LimitKind::kCpuRate:
    case LimitKind::kCpuSet:
    case LimitKind::kIoRate:
    case LimitKind::kIoOperations:
      return "has no soft bound: over it a job waits and goes on";
    default:
      return {};
  }
}

/// The same for a soft bound: who sees it passed. Of what each process is held
/// to itself the kernel has a soft bound too (getrlimit(2)).
constexpr HoldChoice choose_soft_hold(LimitKind kind, Engine engine,
                                      const LimitMeans& means, bool is_root) {
  const std::string_view why = why_no_soft_bound(kind);
  if (!why.empty()) return {.hold = Hold::kNothing, .lacking = why};
  return choose_hold(kind, engine, means, is_root);
}

}  // namespace core
