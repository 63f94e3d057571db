// SPDX-License-Identifier: Apache-2.0
// What is read of a process before it is attached.
#include "supervisor/candidate.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include <doctest/doctest.h>

namespace {

/// A child that waits to be killed.
class Child {
 public:
  Child() : pid_(::fork()) {
    if (pid_ != 0) return;
    for (;;)
      (void)::pause();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { end(); }

  [[nodiscard]] core::Pid pid() const { return core::Pid(pid_); }
  /// Killed, and waited for.
  void end() {
    if (pid_ <= 0) return;
    (void)::kill(pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_;
};

core::Refusal why_not(core::ProcessRef process) {
  const auto found = supervisor::find_process(std::move(process));
  REQUIRE_FALSE(found);
  return found.error().why;
}

}  // namespace

TEST_CASE("a process is known by its number and by its pidfd alike") {
  const Child child;
  const auto by_number =
      supervisor::find_process({.pid = child.pid(), .pidfd = {}});
  REQUIRE(by_number);
  CHECK(by_number->facts.pid == child.pid());
  CHECK(by_number->facts.uids ==
        std::vector<core::Uid>(4, core::Uid(::geteuid())));
  CHECK(by_number->facts.command.view() == "unit-supervisor");
  CHECK_FALSE(by_number->facts.is_kernel_thread);
  // It runs our own program, as workers do.
  CHECK(by_number->facts.is_corral);
  auto pidfd = sys::PidFd::open(child.pid());
  REQUIRE(pidfd);
  const auto by_fd = supervisor::find_process(
      {.pid = {}, .pidfd = (*std::move(pidfd)).release().to_handle()});
  REQUIRE(by_fd);
  CHECK(by_fd->facts.pid == child.pid());
}

TEST_CASE("what has ended, is a thread or no process is told apart") {
  Child child;
  const core::Pid gone = child.pid();
  auto pidfd = sys::PidFd::open(gone);
  REQUIRE(pidfd);
  auto second = pidfd->descriptor().duplicate();
  (void)::kill(gone.raw(), SIGKILL);
  siginfo_t info = {};
  (void)::waitid(P_PID, static_cast<id_t>(gone.raw()), &info,
                 WEXITED | WNOWAIT);
  // A zombie.
  CHECK(why_not({.pid = gone, .pidfd = {}}) == core::Refusal::kNoSuchProcess);
  CHECK(why_not(
            {.pid = {}, .pidfd = (*std::move(pidfd)).release().to_handle()}) ==
        core::Refusal::kNoSuchProcess);
  child.end();
  CHECK(why_not({.pid = {}, .pidfd = (*std::move(second)).to_handle()}) ==
        core::Refusal::kNoSuchProcess);
  CHECK(why_not({.pid = gone, .pidfd = {}}) == core::Refusal::kNoSuchProcess);
  auto nothing = sys::open_at(AT_FDCWD, "/dev/null", O_RDONLY);
  CHECK(why_not({.pid = {}, .pidfd = (*std::move(nothing)).to_handle()}) ==
        core::Refusal::kInvalid);
  pid_t tid = 0;
  std::thread([&tid] {
    tid = ::gettid();
    CHECK(why_not({.pid = core::Pid(tid), .pidfd = {}}) ==
          core::Refusal::kInvalid);
  }).join();
}

TEST_CASE("init is a part of no job") {
  const auto found =
      supervisor::find_process({.pid = core::Pid(1), .pidfd = {}});
  REQUIRE(found);
  CHECK(found->facts.is_corral);
}
