// SPDX-License-Identifier: Apache-2.0
#include "sys/instance_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "core/number_text.h"
#include "core/text.h"
#include "sys/cgroup_tree.h"
#include "sys/clock.h"
#include "sys/lock_file.h"
#include "sys/proc_files.h"

namespace sys {

namespace {

/// Who asks whether there is an instance holds the lock for an instant, or for
/// a turn on a busy machine.
constexpr core::Microseconds kMoment = core::milliseconds(100);

std::string path_of(const std::string& socket) {
  return socket + ".lock";
}

std::string directory_of(const std::string& socket) {
  return socket.substr(0, socket.rfind('/') + 1);
}

/// The socket's directory, if nobody else may open (and so lock) it. Errors:
/// EACCES if others may, those of open(2).
core::Result<UniqueFd> open_own_directory(const std::string& socket) {
  const std::string path = directory_of(socket);
  UniqueFd directory =
      TRY(open_at(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY));
  struct stat facts = {};
  if (::fstat(directory.get(), &facts) < 0)
    return core::fail(errno, "stat", path);
  if ((facts.st_mode & (S_IRGRP | S_IROTH)) != 0)
    return core::fail(EACCES, "lock", path);
  return directory;
}

bool is_at(int fd, const std::string& path) {
  struct stat ours = {};
  struct stat there = {};
  return ::fstat(fd, &ours) == 0 && ::lstat(path.c_str(), &there) == 0 &&
         ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

/// Not the directory once others may open it: they do not ask there.
bool is_lock_of(int fd, const std::string& socket) {
  return is_at(fd, path_of(socket)) ||
         (is_at(fd, directory_of(socket)) && open_own_directory(socket));
}

/// Shared: two that ask do not mistake each other for an instance.
bool is_locked(const core::Result<UniqueFd>& file) {
  return file && ::flock(file->get(), LOCK_SH | LOCK_NB) < 0 &&
         errno == EWOULDBLOCK;
}

}  // namespace

core::Result<InstanceLock> InstanceLock::take(const std::string& socket,
                                              core::Microseconds patience) {
  const core::BootTime deadline = boot_now() + patience;
  const std::string path = path_of(socket);
  auto directory = open_own_directory(socket);
  if (directory) TRY(lock_within(directory->get(), path, patience));
  // Also with the directory: an instance of an earlier version holds the file.
  UniqueFd file = TRY(open_lock_file(path));
  TRY(lock_within(file.get(), path, deadline - boot_now()));
  if (directory) return InstanceLock(*std::move(directory), socket);
  return InstanceLock(std::move(file), socket);
}

core::Result<InstanceLock> InstanceLock::adopt(UniqueFd lock,
                                               const std::string& socket) {
  if (!is_lock_of(lock.get(), socket))
    return core::fail(ESTALE, "use lock", path_of(socket));
  return InstanceLock(std::move(lock), socket);
}

core::Result<bool> InstanceLock::renew() {
  if (is_lock_of(fd(), socket_)) return false;
  *this = TRY(take(socket_, kMoment));
  return true;
}

core::Result<void> InstanceLock::sign(core::Pid reaper) const {
  const std::string path = path_of(socket_);
  const UniqueFd file = TRY(open_lock_file(path));
  const auto text = core::Text<15>().append_number(reaper.raw()).append("\n");
  if (::ftruncate(file.get(), 0) < 0 ||
      ::pwrite(file.get(), text.c_str(), text.size(), 0) < 0)
    return core::fail(errno, "write", path);
  return {};
}

bool has_instance(const std::string& socket) {
  return is_locked(open_own_directory(socket)) ||
         is_locked(open_at(AT_FDCWD, path_of(socket).c_str(),
                           O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
}

core::Pid reaper_of(const std::string& socket) {
  char buffer[16];
  const auto text = read_small_file(path_of(socket).c_str(), buffer);
  if (!text) return {};
  const std::string_view line = *text;
  const auto pid =
      core::parse_number(line.substr(0, line.find('\n')), INT32_MAX);
  return core::Pid(static_cast<std::int32_t>(pid.value_or(0)));
}

core::Pid living_reaper_of(const std::string& socket) {
  const core::Pid reaper = reaper_of(socket);
  if (reaper.raw() <= 0) return {};
  const auto stat = read_proc_stat(reaper);
  // corral-reaper; corral-ending, once the instance is being ended.
  return stat && stat->name().starts_with("corral-") ? reaper : core::Pid();
}

std::string holder_of(const std::string& socket) {
  const std::int32_t pid = reaper_of(socket).raw();
  if (pid <= 0) return "a process that has not said who it is";
  const std::string words = "process " + std::to_string(pid);
  if (living_reaper_of(socket).raw() > 0) return words + ", its reaper";
  return "the supervisor of process " + std::to_string(pid) +
         ", a reaper that is gone";
}

}  // namespace sys
