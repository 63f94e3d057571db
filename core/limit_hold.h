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
  bool has_cgroup1_memory = false;  ///< hierarchies that are writable
  bool has_cgroup1_pids = false;
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

}  // namespace detail

/// `is_root`: the job's processes are root's.
constexpr HoldChoice choose_hold(LimitKind kind, Engine engine,
                                 const LimitMeans& means, bool is_root) {
  const bool has_cgroup = engine == Engine::kCgroup2;
  switch (kind) {
    case LimitKind::kWallTime:
      return {.hold = Hold::kClock, .lacking = {}};
    case LimitKind::kCpuTime:
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
    case LimitKind::kOpenFiles:
      return {.hold = Hold::kEachProcess, .lacking = {}};
    case LimitKind::kNone:
      break;
  }
  return {};
}

}  // namespace core
