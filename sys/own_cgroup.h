// SPDX-License-Identifier: Apache-2.0
// How often the kernel's out-of-memory killer struck in the memory cgroup that
// we are in ourselves: in a container, the container's. A job without a memory
// cgroup of its own learns by it why somebody got SIGKILL. Header only and
// allocation free; where the counter cannot be read it is absent, not 0.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "sys/cgroup.h"
#include "sys/cgroup_tree.h"
#include "sys/unique_fd.h"

namespace sys {

/// Our memory cgroup, by a text of /proc/PID/cgroup (cgroups(7)).
struct MemoryCgroup {
  std::string_view path;  ///< below its mount; empty: there is none
  bool is_v1 = false;
};

/// The line "N:memory:PATH", which is v1's, else "0::PATH".
constexpr MemoryCgroup memory_cgroup_in(std::string_view file) {
  constexpr std::string_view kMark = ":memory:";
  const std::size_t mark = file.find(kMark);
  if (mark == std::string_view::npos)
    return {.path = cgroup2_path_in(file), .is_v1 = false};
  const std::size_t at = mark + kMark.size();
  const std::size_t end = std::min(file.find('\n', at), file.size());
  return {.path = {file.data() + at, end - at}, .is_v1 = true};
}

class OomWatch {
 public:
  /// Notes how many there were until now: a few microseconds, but more than a
  /// tenth of a short command.
  void begin() {
    open();
    before_ = read();
  }

  /// How many there were since; absent where nobody can tell. If there was no
  /// time to begin, the first process of a container with a cgroup namespace
  /// counts all there ever were: nobody was in its cgroup before it.
  [[nodiscard]] std::optional<std::uint64_t> new_kills() {
    if (!before_ && ::getpid() == 1) {
      open();
      if (is_root_) before_ = 0;
    }
    const auto now = read();
    if (!now || !before_) return std::nullopt;
    return *now - *before_;
  }

 private:
  void open() {
    char buffer[4096];
    const auto text = read_small_file("/proc/self/cgroup", buffer);
    if (!text) return;
    const MemoryCgroup own = memory_cgroup_in(*text);
    // A path from outside of our cgroup namespace is not below our mount.
    if (own.path.empty() || own.path.starts_with("/..")) return;
    is_root_ = own.path == "/";
    // A container that does not see its own path has its cgroup mounted.
    for (const std::string_view below : {own.path, std::string_view()}) {
      PathBuffer path("/sys/fs/cgroup");
      if (own.is_v1) path.append("/memory");
      path.append(below).append(own.is_v1 ? "/memory.oom_control"
                                          : "/memory.events");
      if (path.was_cut()) return;
      auto file = open_at(AT_FDCWD, path.c_str(), O_RDONLY);
      if (!file) continue;
      file_ = std::move(*file);
      return;
    }
  }

  /// Both versions have a line "oom_kill N" (v1's since Linux 4.13).
  [[nodiscard]] std::optional<std::uint64_t> read() const {
    return read_value(file_.get(), "oom_kill");
  }

  bool is_root_ = false;  ///< our cgroup is all that its namespace has
  UniqueFd file_;
  std::optional<std::uint64_t> before_;
};

}  // namespace sys
