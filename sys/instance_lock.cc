// SPDX-License-Identifier: Apache-2.0
#include "sys/instance_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>

#include "core/text.h"
#include "sys/cgroup_tree.h"
#include "sys/clock.h"
#include "sys/proc_files.h"

namespace sys {

namespace {

std::string path_of(const std::string& socket) {
  return socket + ".lock";
}

/// Interrupts a call that waits: SIGALRM comes when the patience is over, and
/// again every 50 ms, because the first may have come before the call.
class Alarm {
 public:
  explicit Alarm(core::Microseconds patience) {
    struct sigaction interrupt = {};
    interrupt.sa_handler = [](int) {};  // without SA_RESTART
    (void)::sigaction(SIGALRM, &interrupt, &before_);
    sigset_t alarm;
    (void)::sigemptyset(&alarm);
    (void)::sigaddset(&alarm, SIGALRM);
    (void)::sigprocmask(SIG_UNBLOCK, &alarm, &mask_);
    const std::uint64_t us = patience.raw() + 1;  // 0 would be never
    const itimerval time = {
        .it_interval = {.tv_sec = 0, .tv_usec = 50'000},
        .it_value = {.tv_sec = static_cast<time_t>(us / 1'000'000),
                     .tv_usec = static_cast<suseconds_t>(us % 1'000'000)}};
    (void)::setitimer(ITIMER_REAL, &time, nullptr);
  }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  ~Alarm() {
    const itimerval never = {};
    (void)::setitimer(ITIMER_REAL, &never, nullptr);
    (void)::sigprocmask(SIG_SETMASK, &mask_, nullptr);
    (void)::sigaction(SIGALRM, &before_, nullptr);
  }

 private:
  struct sigaction before_ = {};
  sigset_t mask_ = {};
};

bool is_at(int fd, const std::string& path) {
  struct stat ours = {};
  struct stat there = {};
  return ::fstat(fd, &ours) == 0 && ::lstat(path.c_str(), &there) == 0 &&
         ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

}  // namespace

core::Result<void> lock_within(int fd, const std::string& path,
                               core::Microseconds patience) {
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return {};
  if (errno != EWOULDBLOCK) return core::fail(errno, "lock", path);
  const core::BootTime deadline = boot_now() + patience;
  const Alarm alarm(patience);
  while (::flock(fd, LOCK_EX) < 0) {
    if (errno != EINTR) return core::fail(errno, "lock", path);
    if (boot_now() >= deadline) return core::fail(EADDRINUSE, "lock", path);
  }
  return {};
}

core::Result<InstanceLock> InstanceLock::take(const std::string& socket,
                                              core::Microseconds patience) {
  const std::string path = path_of(socket);
  UniqueFd lock =
      TRY(open_at(AT_FDCWD, path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  struct stat facts = {};
  if (::fstat(lock.get(), &facts) == 0 && !S_ISREG(facts.st_mode))
    return core::fail(0, "expected a regular file at", path);
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
