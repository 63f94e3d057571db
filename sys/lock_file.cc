// SPDX-License-Identifier: Apache-2.0
#include "sys/lock_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <cerrno>
#include <cstdint>

#include "sys/clock.h"

namespace sys {

namespace {

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

}  // namespace

core::Result<UniqueFd> open_lock_file(const std::string& path) {
  UniqueFd lock =
      TRY(open_at(AT_FDCWD, path.c_str(),
                  O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600));
  struct stat facts = {};
  if (::fstat(lock.get(), &facts) == 0 && !S_ISREG(facts.st_mode))
    return core::fail(0, "expected a regular file at", path);
  return lock;
}

core::Result<void> lock_within(int fd, const std::string& path,
                               core::Microseconds patience) {
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return {};
  if (errno != EWOULDBLOCK) return core::fail(errno, "lock", path);
  if (patience.raw() == 0) return core::fail(EADDRINUSE, "lock", path);
  const core::BootTime deadline = boot_now() + patience;
  const Alarm alarm(patience);
  while (::flock(fd, LOCK_EX) < 0) {
    if (errno != EINTR) return core::fail(errno, "lock", path);
    if (boot_now() >= deadline) return core::fail(EADDRINUSE, "lock", path);
  }
  return {};
}

}  // namespace sys
