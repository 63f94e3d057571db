// SPDX-License-Identifier: Apache-2.0
// What a caller is is read at each call, though its files stay open.
#include "supervisor/sandbox.h"

#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "sys/unique_fd.h"
#include "tests/unit/not_checked.h"

namespace {

/// A child that confines itself when it is told to. Not made where `wanted` is
/// a number that cannot be asked for.
class Caller {
 public:
  explicit Caller(pid_t wanted = 0) {
    int ends[2] = {};
    REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    ours_ = sys::UniqueFd(ends[0]);
    const sys::UniqueFd theirs(ends[1]);
    clone_args arguments = {};
    arguments.exit_signal = SIGCHLD;
    if (wanted != 0) {
      arguments.set_tid = reinterpret_cast<__u64>(&wanted);
      arguments.set_tid_size = 1;
    }
    pid_ =
        static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof arguments));
    if (pid_ == 0) obey(theirs.get());
  }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;
  ~Caller() { end(); }

  [[nodiscard]] bool is_made() const { return pid_ > 0; }
  [[nodiscard]] pid_t number() const { return pid_; }
  [[nodiscard]] core::Pid pid() const { return core::Pid(pid_); }

  void confine() const {
    char byte = 0;
    REQUIRE(::send(ours_.get(), &byte, 1, 0) == 1);
    REQUIRE(::recv(ours_.get(), &byte, 1, 0) == 1);
  }
  void end() {
    if (pid_ <= 0) return;
    (void)::kill(pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  [[noreturn]] static void obey(int theirs) {
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
    char byte = 0;
    while (::recv(theirs, &byte, 1, 0) == 1) {
      (void)::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
      (void)::send(theirs, &byte, 1, 0);
    }
    ::_exit(0);
  }

  pid_t pid_ = -1;
  sys::UniqueFd ours_;
};

constexpr const char* kUnreadable = "a process that cannot be read";

TEST_CASE("a caller who confines himself is confined at his next call") {
  supervisor::CallerReader reader;
  const Caller caller;
  REQUIRE(caller.is_made());
  CHECK(reader.read(caller.pid(), true).sandbox.empty());
  CHECK(reader.read(caller.pid(), true).gid == core::Gid(::getgid()));
  caller.confine();
  CHECK(reader.read(caller.pid(), true).sandbox == "no_new_privs");
  CHECK(reader.read(caller.pid(), false).sandbox.empty());
}

TEST_CASE("each of two callers is read as himself") {
  supervisor::CallerReader reader;
  const Caller one;
  const Caller other;
  REQUIRE(one.is_made());
  REQUIRE(other.is_made());
  other.confine();
  for (int i = 0; i < 2; ++i) {
    CHECK(reader.read(one.pid(), true).sandbox.empty());
    CHECK(reader.read(other.pid(), true).sandbox == "no_new_privs");
  }
}

TEST_CASE("who has ended cannot be read, nor is he taken for the number 0") {
  supervisor::CallerReader reader;
  Caller caller;
  REQUIRE(caller.is_made());
  const core::Pid pid = caller.pid();
  CHECK(reader.read(pid, true).sandbox.empty());
  CHECK(reader.read(core::Pid(), true).sandbox == kUnreadable);
  CHECK(reader.read(pid, true).sandbox.empty());
  caller.end();
  CHECK(reader.read(pid, true).sandbox == kUnreadable);
  CHECK_FALSE(reader.read(pid, true).gid.has_value());
  CHECK(reader.read(core::Pid(), true).sandbox == kUnreadable);
}

TEST_CASE("who has the number of a caller that ended is read as himself") {
  supervisor::CallerReader reader;
  Caller caller;
  REQUIRE(caller.is_made());
  const pid_t number = caller.number();
  CHECK(reader.read(caller.pid(), true).sandbox.empty());
  caller.end();
  const Caller next(number);
  if (!next.is_made()) return unit::not_checked("needs root");
  next.confine();
  CHECK(reader.read(next.pid(), true).sandbox == "no_new_privs");
}

}  // namespace
