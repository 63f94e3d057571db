// SPDX-License-Identifier: Apache-2.0
// Who holds which limit: the table of docs/CGROUPS.md.
#include "core/limit_hold.h"

#include <doctest/doctest.h>

namespace {

using namespace core;

struct Row {
  LimitKind kind;
  Hold by_controller;  ///< cgroup2 with its controllers
  Hold on_hybrid;
  Hold without;  ///< cgroup2, no controller of either version
  Hold by_subreaper;
  bool is_lacking_without;
  bool is_lacking_by_subreaper;
};

constexpr Row kRows[] = {
    {LimitKind::kWallTime, Hold::kClock, Hold::kClock, Hold::kClock,
     Hold::kClock, false, false},
    {LimitKind::kCpuTime, Hold::kReadings, Hold::kReadings, Hold::kReadings,
     Hold::kReadings, false, true},
    {LimitKind::kMemory, Hold::kCgroup2, Hold::kCgroup1, Hold::kEachProcess,
     Hold::kEachProcess, true, true},
    {LimitKind::kProcesses, Hold::kCgroup2, Hold::kCgroup1, Hold::kEachProcess,
     Hold::kEachProcess, true, true},
    {LimitKind::kThreads, Hold::kCgroup2, Hold::kCgroup1, Hold::kEachProcess,
     Hold::kEachProcess, true, true},
    {LimitKind::kCpuRate, Hold::kCgroup2, Hold::kCgroup1, Hold::kNothing,
     Hold::kNothing, true, true},
    {LimitKind::kCpuSet, Hold::kCgroup2, Hold::kCgroup1, Hold::kNothing,
     Hold::kNothing, true, true},
    {LimitKind::kSwap, Hold::kCgroup2, Hold::kCgroup1, Hold::kNothing,
     Hold::kNothing, true, true},
    {LimitKind::kIdleTime, Hold::kReadings, Hold::kReadings, Hold::kReadings,
     Hold::kReadings, false, true},
    {LimitKind::kFileSize, Hold::kEachProcess, Hold::kEachProcess,
     Hold::kEachProcess, Hold::kEachProcess, false, false},
    {LimitKind::kLockedMemory, Hold::kEachProcess, Hold::kEachProcess,
     Hold::kEachProcess, Hold::kEachProcess, false, false},
    {LimitKind::kOpenFiles, Hold::kEachProcess, Hold::kEachProcess,
     Hold::kEachProcess, Hold::kEachProcess, false, false},
};

}  // namespace

TEST_CASE("each limit is held by the best that there is") {
  constexpr LimitMeans kControllers = {.has_cgroup2_memory = true,
                                       .has_cgroup2_pids = true,
                                       .has_cgroup2_cpu = true,
                                       .has_cgroup2_cpuset = true,
                                       .has_cgroup2_io = true,
                                       .has_cgroup1_memory = true,
                                       .has_cgroup1_pids = true};
  constexpr LimitMeans kHybrid = {.has_cgroup1_memory = true,
                                  .has_cgroup1_pids = true,
                                  .has_cgroup1_cpu = true,
                                  .has_cgroup1_cpuset = true,
                                  .has_cgroup1_io = true,
                                  .has_cgroup1_swap = true};
  for (const Row& row : kRows) {
    CAPTURE(name_of(row.kind));
    const auto hold = [&](Engine engine, const LimitMeans& means) {
      return choose_hold(row.kind, engine, means, false);
    };
    CHECK(hold(Engine::kCgroup2, kControllers).hold == row.by_controller);
    CHECK(hold(Engine::kCgroup2, kControllers).lacking.empty());
    CHECK(hold(Engine::kCgroup2, kHybrid).hold == row.on_hybrid);
    CHECK(hold(Engine::kCgroup2, kHybrid).lacking.empty());
    CHECK(hold(Engine::kCgroup2, {}).hold == row.without);
    CHECK(hold(Engine::kCgroup2, {}).lacking.empty() != row.is_lacking_without);
    // The controllers are of no use to it.
    CHECK(hold(Engine::kSubreaper, kControllers).hold == row.by_subreaper);
    CHECK(hold(Engine::kSubreaper, kControllers).lacking.empty() !=
          row.is_lacking_by_subreaper);
  }
}

TEST_CASE("the kernel does not count root's processes") {
  const auto choice =
      choose_hold(LimitKind::kProcesses, Engine::kSubreaper, {}, true);
  CHECK(choice.hold == Hold::kNothing);
  CHECK_FALSE(choice.lacking.empty());
}

TEST_CASE("nor does it bound what root locks") {
  CHECK_FALSE(choose_hold(LimitKind::kLockedMemory, Engine::kCgroup2, {}, true)
                  .lacking.empty());
}

TEST_CASE("version 1 does not hold what is written through the page cache") {
  for (const LimitKind kind : {LimitKind::kIoRate, LimitKind::kIoOperations}) {
    const auto choice =
        choose_hold(kind, Engine::kCgroup2, {.has_cgroup1_io = true}, false);
    CHECK(choice.hold == Hold::kCgroup1);
    CHECK_FALSE(choice.lacking.empty());
    CHECK(choose_hold(kind, Engine::kCgroup2, {.has_cgroup2_io = true}, false)
              .lacking.empty());
    CHECK(choose_hold(kind, Engine::kSubreaper, {.has_cgroup2_io = true}, false)
              .hold == Hold::kNothing);
  }
}

TEST_CASE("nobody tells of a soft bound of processes, nor over a rate") {
  for (const LimitKind kind : kLimitKinds) {
    CAPTURE(name_of(kind));
    const bool is_counted = kind == LimitKind::kProcesses ||
                            kind == LimitKind::kThreads ||
                            kind >= LimitKind::kSwap;
    const auto choice = choose_soft_hold(kind, Engine::kCgroup2,
                                         {.has_cgroup2_memory = true}, false);
    CHECK(choice.lacking.empty() != is_counted);
    CHECK((choice.hold == Hold::kNothing) == is_counted);
  }
}
