// SPDX-License-Identifier: Apache-2.0
// Family: which processes descend from one, by one reading of /proc. It notes
// what it finds for every pid, so that a chain of 3,000 costs 3,000 readings.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/error.h"
#include "core/ids.h"
#include "core/visitor.h"
#include "sys/pid_table.h"
#include "sys/proc_files.h"
#include "sys/proc_list.h"

namespace reaper {

class Family {
 public:
  using Visitor = core::Visitor<const sys::ListedProcess&>;

  /// The descendants of `root`, but not those of the `outsiders`, which are
  /// children of `root` that belong to somebody else.
  Family(core::Pid root, std::span<const core::Pid> outsiders)
      : root_(root), outsiders_(outsiders) {}
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;
  ~Family() = default;

  /// Calls `visit(const sys::ListedProcess&)` for every descendant, zombies
  /// too, in the order of their pids; for none any more once it is `until`.
  /// Errors: ENOMEM; ENOENT where /proc is missing.
  [[nodiscard]] core::Result<void> for_each_descendant(
      sys::ListedFor purpose, const Visitor& visitor,
      core::BootTime until = core::kEndOfTime) {
    // Everybody descends from nobody.
    if (root_.raw() <= 0) return core::fail(ESRCH, "read the family");
    // What was true in an earlier reading proves nothing in this one.
    TRY(kinship_.clear());
    return sys::for_each_process(
        purpose,
        [&](const sys::ListedProcess& process) {
          if (classify(process) == kDescendant) visitor(process);
        },
        until);
  }

 private:
  static constexpr int kLongestChain = 64;
  static constexpr std::uint8_t kUnknown = 0;
  static constexpr std::uint8_t kStranger = 1;
  static constexpr std::uint8_t kDescendant = 2;

  /// Walks up until it meets somebody whose kinship is known, and notes what
  /// it found for the whole chain. A chain that breaks off, because somebody in
  /// it has just gone, is a stranger's until the next reading.
  std::uint8_t classify(const sys::ProcStat& stat) {
    std::int32_t chain[kLongestChain];
    int size = 0;
    std::uint8_t kinship = kStranger;
    auto at = std::optional<sys::ProcStat>(stat);
    while (at) {
      if (size < kLongestChain) chain[size++] = at->pid;
      const std::int32_t parent = at->ppid;
      if (parent == root_.raw())
        kinship = is_outsider(core::Pid(at->pid)) ? kStranger : kDescendant;
      if (parent == root_.raw() || parent <= 1) break;
      kinship = kinship_[parent];
      if (kinship != kUnknown) break;
      kinship = kStranger;
      at = sys::read_proc_stat(core::Pid(parent));
    }
    for (int i = 0; i < size; ++i)
      kinship_[chain[i]] = kinship;
    return kinship;
  }

  [[nodiscard]] bool is_outsider(core::Pid pid) const {
    for (const core::Pid outsider : outsiders_)
      if (outsider == pid) return true;
    return false;
  }

  core::Pid root_;
  std::span<const core::Pid> outsiders_;
  sys::PidTable kinship_;
};

}  // namespace reaper
