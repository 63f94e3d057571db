// SPDX-License-Identifier: Apache-2.0
// Where our part of the cgroup v2 tree is, and what it allows: facts for
// core/containment.h. The base is our own cgroup + "/corral" (docs/DESIGN.md,
// "Names and places"); in it every job has a directory named by
// core::path_name(). Header only and allocation free.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "core/containment.h"
#include "core/text.h"
#include "sys/cgroup.h"
#include "sys/read_file.h"
#include "sys/unique_fd.h"

namespace sys {

using PathBuffer = core::Text<1023>;

/// The path in the line "0::PATH" of /proc/PID/cgroup; empty if there is none.
constexpr std::string_view cgroup2_path_in(std::string_view file) {
  std::size_t at = 0;
  while (at < file.size()) {
    std::size_t end = file.find('\n', at);
    if (end == std::string_view::npos) end = file.size();
    const std::string_view line(file.begin() + at, file.begin() + end);
    if (line.starts_with("0::")) return {line.begin() + 3, line.end()};
    at = end + 1;
  }
  return {};
}

/// The jid of the innermost job directory in a cgroup path, or kNoJob.
constexpr core::JobId innermost_job_in(std::string_view path) {
  core::JobId found = core::kNoJob;
  std::size_t at = 0;
  while (at < path.size()) {
    std::size_t end = path.find('/', at);
    if (end == std::string_view::npos) end = path.size();
    const std::string_view part(path.begin() + at, path.begin() + end);
    if (const auto jid = core::job_of_path_name(part)) found = *jid;
    at = end + 1;
  }
  return found;
}

/// The jid of the job whose directory a cgroup path leads into, or kNoJob:
/// below what it shares with `own`, our own path, the first job directory with
/// those of nested jobs in it. What is further below is another instance's,
/// which runs in that job.
constexpr core::JobId job_in_cgroup_path(std::string_view path,
                                         std::string_view own = {}) {
  core::JobId found = core::kNoJob;
  bool is_shared = true;
  while (!path.empty()) {
    std::size_t end = path.find('/');
    if (end == std::string_view::npos) end = path.size();
    const std::string_view part = path.substr(0, end);
    is_shared = is_shared && own.starts_with(part) &&
                (own.size() == end || own[end] == '/');
    if (is_shared) {
      own.remove_prefix(std::min(end + 1, own.size()));
    } else if (const auto jid = core::job_of_path_name(part)) {
      found = *jid;
    } else if (found != core::kNoJob) {
      break;
    }
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return found;
}

inline constexpr long kCgroup2Magic = 0x63677270;  // CGROUP2_SUPER_MAGIC

/// Whether a directory that is made as `path` would be no cgroup: the last part
/// of the path that exists is of another file system. What may not be looked at
/// is not judged.
inline bool is_outside_cgroup2(std::string_view path) {
  struct statfs facts = {};
  while (::statfs(PathBuffer(path).c_str(), &facts) < 0) {
    if (errno != ENOENT || path == ".") return false;
    const std::size_t slash = path.rfind('/');
    if (slash == std::string_view::npos)
      path = ".";
    else
      path = {path.begin(), path.begin() + std::max<std::size_t>(slash, 1)};
  }
  return facts.f_type != kCgroup2Magic;
}

/// Where cgroup v2 is mounted: /sys/fs/cgroup, or /sys/fs/cgroup/unified on a
/// hybrid machine (systemd.io/CGROUP_DELEGATION). Empty if nowhere there.
inline std::string_view cgroup2_mount() {
  constexpr const char* kPlaces[] = {"/sys/fs/cgroup",
                                     "/sys/fs/cgroup/unified"};
  for (const char* place : kPlaces) {
    struct statfs facts = {};
    if (::statfs(place, &facts) == 0 && facts.f_type == kCgroup2Magic)
      return place;
  }
  return {};
}

/// access(2) with the effective ids. The bare call: without it (Linux 5.8) the
/// real ids decide, which are the same here unless somebody makes us setuid.
inline bool has_access(int directory, const char* name, int mode) {
  if (::syscall(SYS_faccessat2, directory, name, mode, AT_EACCESS) == 0)
    return true;
  return errno == ENOSYS &&
         ::syscall(SYS_faccessat, directory, name, mode) == 0;
}

/// Our part of the tree.
struct CgroupBase {
  PathBuffer path;  ///< absolute; empty: there is no cgroup v2 here
  core::ContainmentFacts facts;
  UniqueFd directory;  ///< open if it is there
};

/// Finds the base and makes it if it can. `wanted` names it instead (tests,
/// settings); empty: own cgroup + "/corral". Outside of cgroup v2 nothing is
/// made. `find_mount`: who says where that is.
template <std::string_view (*find_mount)() = cgroup2_mount>
[[nodiscard]] inline CgroupBase find_cgroup_base(std::string_view wanted = {}) {
  CgroupBase base;
  base.facts.base_is_elsewhere = !wanted.empty() && is_outside_cgroup2(wanted);
  const std::string_view mount = find_mount();
  if (mount.empty()) return base;
  base.facts.has_cgroup2 = true;
  if (base.facts.base_is_elsewhere) return base;
  if (wanted.empty()) {
    char buffer[4096];
    const auto file = read_small_file("/proc/self/cgroup", buffer);
    if (!file) return base;
    const std::string_view own = cgroup2_path_in(*file);
    if (own.empty() || own.starts_with("/..")) return base;
    base.path.append(mount);
    if (own != "/") base.path.append(own);
    base.path.append("/corral");
  } else {
    base.path.append(wanted);
  }
  if (base.path.was_cut()) return base;
  if (::mkdir(base.path.c_str(), 0755) < 0 && errno != EEXIST) return base;
  auto directory = open_at(AT_FDCWD, base.path.c_str(), O_RDONLY | O_DIRECTORY);
  if (!directory) return base;
  base.directory = std::move(*directory);
  const int opened = base.directory.get();
  base.facts.cgroup2_is_writable =
      has_access(opened, ".", W_OK) &&
      has_access(opened, cgroup_file::kProcs, W_OK);
  base.facts.has_cgroup_kill = has_access(opened, cgroup_file::kKill, F_OK);
  return base;
}

}  // namespace sys
