// SPDX-License-Identifier: Apache-2.0
// Family: which processes descend from one, by one reading of /proc. It notes
// what it finds for every pid, so that a chain of 3,000 costs 3,000 readings.
#pragma once

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "core/error.h"
#include "core/ids.h"
#include "core/visitor.h"
#include "reaper/pid_table.h"
#include "sys/proc_files.h"
#include "sys/unique_fd.h"

namespace reaper {

class Family {
 public:
  using Visitor = core::Visitor<const sys::ProcStat&>;

  /// The descendants of `root`, but not those of the `outsiders`, which are
  /// children of `root` that belong to somebody else.
  Family(core::Pid root, std::span<const core::Pid> outsiders)
      : root_(root), outsiders_(outsiders) {}
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;
  ~Family() = default;

  /// Calls `visit(const sys::ProcStat&)` for every descendant, zombies too, in
  /// the order of their pids. Errors: ENOMEM; ENOENT where /proc is missing.
  [[nodiscard]] core::Result<void> for_each_descendant(const Visitor& visitor) {
    // What was true in an earlier reading proves nothing in this one.
    TRY(kinship_.clear());
    const sys::UniqueFd directory =
        TRY(sys::open_at(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY));
    alignas(long) char buffer[4096];
    for (;;) {
      const long size =
          ::syscall(SYS_getdents64, directory.get(), buffer, sizeof buffer);
      if (size < 0) return core::fail(errno, "getdents64", "/proc");
      if (size == 0) return {};
      visit_entries({buffer, static_cast<std::size_t>(size)}, visitor);
    }
  }

 private:
  static constexpr int kLongestChain = 64;
  static constexpr std::uint8_t kUnknown = 0;
  static constexpr std::uint8_t kStranger = 1;
  static constexpr std::uint8_t kDescendant = 2;

  void visit_entries(std::span<const char> entries, const Visitor& visitor) {
    // struct linux_dirent64 (getdents64(2)): length at 16, name at 19.
    for (std::size_t at = 0; at < entries.size();) {
      unsigned short length = 0;
      std::memcpy(&length, entries.data() + at + 16, sizeof length);
      const core::Pid pid = pid_of(entries.data() + at + 19);
      at += length;
      if (pid == core::Pid()) continue;
      const auto stat = sys::read_proc_stat(pid);
      if (stat && classify(*stat) == kDescendant) visitor(*stat);
    }
  }

  static core::Pid pid_of(const char* name) {
    std::int32_t pid = 0;
    for (; *name != '\0'; ++name) {
      if (*name < '0' || *name > '9' || pid > 100000000) return {};
      pid = pid * 10 + (*name - '0');
    }
    return core::Pid(pid);
  }

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
  PidTable kinship_;
};

}  // namespace reaper
