// SPDX-License-Identifier: Apache-2.0
#include "sys/cgroup2_mount.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "sys/collector_facts.h"

namespace sys {

namespace {

constexpr const char* kRuntime = "/run/corral";

/// A directory that root alone may change.
core::Result<void> make_own_directory(const char* path) {
  if (::mkdir(path, 0755) < 0 && errno != EEXIST)
    return core::fail(errno, "make directory", path);
  struct stat facts = {};
  if (::lstat(path, &facts) < 0) return core::fail(errno, "stat", path);
  if (!S_ISDIR(facts.st_mode) || facts.st_uid != 0 ||
      (facts.st_mode & 022) != 0)
    return core::fail(EPERM, "use a directory that is not root's alone", path);
  return {};
}

bool kernel_has_cgroup2() {
  std::ifstream file("/proc/filesystems");
  for (std::string line; std::getline(file, line);)
    if (line.ends_with("\tcgroup2")) return true;
  return false;
}

}  // namespace

std::string obstacle_to_cgroup2_mount() {
  constexpr unsigned kSysAdmin = 21;
  if (::geteuid() != 0) return "only root mounts it";
  if (!detail::is_namespace("/proc/self/ns/user", detail::kFirstUserNamespace))
    return "this is not the machine's first user namespace";
  if (!detail::has_capability(detail::effective_capabilities(), kSysAdmin))
    return "CAP_SYS_ADMIN is missing";
  if (!kernel_has_cgroup2()) return "the kernel has none";
  return {};
}

core::Result<void> mount_cgroup2() {
  TRY(make_own_directory(kRuntime));
  TRY(make_own_directory(kInstanceCgroup2Mount));
  if (::mount("cgroup2", kInstanceCgroup2Mount, "cgroup2",
              MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, nullptr) < 0)
    return core::fail(errno, "mount cgroup2", kInstanceCgroup2Mount);
  return {};
}

}  // namespace sys
