// SPDX-License-Identifier: Apache-2.0
#include "sys/instance_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>

#include "core/text.h"
#include "sys/cgroup_tree.h"
#include "sys/lock_file.h"
#include "sys/proc_files.h"

namespace sys {

namespace {

std::string path_of(const std::string& socket) {
  return socket + ".lock";
}

bool is_at(int fd, const std::string& path) {
  struct stat ours = {};
  struct stat there = {};
  return ::fstat(fd, &ours) == 0 && ::lstat(path.c_str(), &there) == 0 &&
         ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

}  // namespace

core::Result<InstanceLock> InstanceLock::take(const std::string& socket,
                                              core::Microseconds patience) {
  const std::string path = path_of(socket);
  UniqueFd lock = TRY(open_lock_file(path));
  TRY(lock_within(lock.get(), path, patience));
  return InstanceLock(std::move(lock));
}

core::Result<InstanceLock> InstanceLock::adopt(UniqueFd lock,
                                               const std::string& socket) {
  const std::string path = path_of(socket);
  if (!is_at(lock.get(), path)) return core::fail(ESTALE, "use lock", path);
  return InstanceLock(std::move(lock));
}

core::Result<void> InstanceLock::sign(core::Pid reaper) const {
  const auto text = core::Text<15>().append_number(reaper.raw()).append("\n");
  if (::ftruncate(fd(), 0) < 0 ||
      ::pwrite(fd(), text.c_str(), text.size(), 0) < 0)
    return core::fail(errno, "write", "the lock");
  return {};
}

bool has_instance(const std::string& socket) {
  const auto lock = open_at(AT_FDCWD, path_of(socket).c_str(),
                            O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  // Shared: two that ask do not mistake each other for an instance.
  return lock && ::flock(lock->get(), LOCK_SH | LOCK_NB) < 0 &&
         errno == EWOULDBLOCK;
}

core::Pid reaper_of(const std::string& socket) {
  char buffer[16];
  const auto text = read_small_file(path_of(socket).c_str(), buffer);
  std::int32_t pid = 0;
  if (text) (void)std::from_chars(text->begin(), text->end(), pid);
  return core::Pid(pid);
}

std::string holder_of(const std::string& socket) {
  const std::int32_t pid = reaper_of(socket).raw();
  if (pid <= 0) return "a process that has not said who it is";
  const std::string words = "process " + std::to_string(pid);
  if (read_proc_stat(core::Pid(pid))) return words + ", its reaper";
  return "the supervisor of process " + std::to_string(pid) +
         ", a reaper that is gone";
}

}  // namespace sys
