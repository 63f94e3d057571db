// SPDX-License-Identifier: Apache-2.0
// Outsiders: children that this process had before it became ours. A shell
// that said `sleep 99 & exec corral run ...` leaves us its sleep: it is not the
// job's, so nobody signals, records or waits for it. (And the sentinel and the
// guard, which are our children too.)
#pragma once

#include <unistd.h>

#include <cstdint>
#include <span>

#include "core/ids.h"
#include "core/text.h"
#include "reaper/reap.h"
#include "sys/cgroup_tree.h"

namespace reaper {

class Outsiders {
 public:
  /// Called before the first own child is made.
  void find() {
    if (has_children()) read_children();
  }

  /// These end without SIGCHLD: only readings of /proc meet them.
  void set_own(core::Pid sentinel, core::Pid guard) {
    pids_[0] = sentinel;
    pids_[1] = guard;
  }

  void remove(core::Pid pid) {
    for (std::size_t i = kOwnPids; i < size_; ++i)
      if (pids_[i] == pid) pids_[i] = pids_[--size_];
  }

  [[nodiscard]] bool contains(core::Pid pid) const {
    for (const core::Pid other : pids())
      if (other == pid) return true;
    return false;
  }
  /// Whether there is none but those of our own.
  [[nodiscard]] bool empty() const { return size_ == kOwnPids; }
  /// Whether there are not even those.
  [[nodiscard]] bool are_none() const {
    return empty() && pids_[0] == core::Pid() && pids_[1] == core::Pid();
  }
  [[nodiscard]] std::span<const core::Pid> pids() const {
    return {pids_, size_};
  }

 private:
  static constexpr std::size_t kMost = 1024;
  static constexpr std::size_t kOwnPids = 2;

  /// A function of its own: most have none, and no use for so large a stack.
  [[gnu::noinline]] void read_children() {
    core::Text<47> path("/proc/self/task/");
    path.append_number(::getpid()).append("/children");
    char buffer[kMost * 11];
    const auto text = sys::read_small_file(path.c_str(), buffer);
    if (!text) return;
    std::int32_t pid = 0;
    for (const char c : *text) {
      if (c >= '0' && c <= '9') {
        pid = pid * 10 + (c - '0');
      } else {
        add(core::Pid(pid));
        pid = 0;
      }
    }
  }

  void add(core::Pid pid) {
    if (size_ < kMost && pid != core::Pid()) pids_[size_++] = pid;
  }

  core::Pid pids_[kMost];  ///< first our own
  std::size_t size_ = kOwnPids;
};

}  // namespace reaper
