// SPDX-License-Identifier: Apache-2.0
// A pid namespace of one's own (pid_namespaces(7)) and a mount namespace whose
// /proc shows it. Who is not privileged gets a user namespace around them, in
// which nobody exists but his own user and group (user_namespaces(7)). Header
// only and allocation free.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "core/error.h"
#include "core/text.h"
#include "sys/unique_fd.h"

namespace sys {

namespace detail {

[[nodiscard]] inline core::Result<void> write_own_file(const char* path,
                                                       std::string_view text) {
  const auto file = TRY(open_at(AT_FDCWD, path, O_WRONLY));
  if (::write(file.get(), text.data(), text.size()) < 0)
    return core::fail(errno, "write", path);
  return {};
}

/// One user or group, which has the same number inside.
[[nodiscard]] inline core::Result<void> map_own_id(const char* path,
                                                   std::uint32_t id) {
  core::Text<47> line;
  line.append_unsigned(id).append(" ").append_unsigned(id).append(" 1");
  return write_own_file(path, line.view());
}

}  // namespace detail

/// From now on what the caller forks is born in a new pid namespace, its first
/// child as the init of it. The caller itself gets a mount namespace, in which
/// nothing that it mounts reaches anybody else, and, where it may not do that
/// itself, a user namespace too. It must be alone in its thread group and not
/// share its directory (CLONE_FS). Errors: those of unshare(2), mount(2) and of
/// writing the maps.
[[nodiscard]] inline core::Result<void> unshare_pid_namespace() {
  constexpr int kBoth = CLONE_NEWPID | CLONE_NEWNS;
  const std::uint32_t uid = ::geteuid();
  const std::uint32_t gid = ::getegid();
  if (::unshare(kBoth) < 0) {
    if (errno != EPERM) return core::fail(errno, "unshare");
    if (::unshare(CLONE_NEWUSER | kBoth) < 0)
      return core::fail(errno, "unshare");
    TRY(detail::write_own_file("/proc/self/setgroups", "deny"));
    TRY(detail::map_own_id("/proc/self/uid_map", uid));
    TRY(detail::map_own_id("/proc/self/gid_map", gid));
  }
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) < 0)
    return core::fail(errno, "make private the mounts below", "/");
  return {};
}

/// After the namespace has its init. Errors: those of mount(2); EPERM in a
/// container that hides parts of its own /proc.
[[nodiscard]] inline core::Result<void> mount_own_proc() {
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
              nullptr) < 0)
    return core::fail(errno, "mount", "/proc");
  return {};
}

}  // namespace sys
