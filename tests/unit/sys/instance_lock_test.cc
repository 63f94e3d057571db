// SPDX-License-Identifier: Apache-2.0
// Who has the lock is alone, whoever else holds the same open file; and a
// waiter has it as soon as it is free.
#include "sys/instance_lock.h"

#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <thread>

#include <doctest/doctest.h>

#include "sys/clock.h"
#include "sys/lock_file.h"

namespace {

using sys::InstanceLock;

struct Place {
  Place() {
    char name[] = "/tmp/corral-lock-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    top = name;
    socket = top + "/private";
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { std::filesystem::remove_all(top); }

  std::string top;
  std::string socket;
};

/// This process has another name (proc(5), comm).
struct Name {
  explicit Name(const char* name) {
    (void)::prctl(PR_GET_NAME, before);
    (void)::prctl(PR_SET_NAME, name);
  }
  Name(const Name&) = delete;
  Name& operator=(const Name&) = delete;
  ~Name() { (void)::prctl(PR_SET_NAME, before); }
  char before[16] = {};
};

TEST_CASE("one instance a socket, until the last who holds the lock is gone") {
  const Place place;
  CHECK_FALSE(sys::has_instance(place.socket));
  std::optional<InstanceLock> first = *InstanceLock::take(place.socket, {});
  CHECK(sys::has_instance(place.socket));
  const auto second = InstanceLock::take(place.socket, core::milliseconds(20));
  REQUIRE_FALSE(second);
  CHECK(second.error().code == EADDRINUSE);
  {
    const auto handed_on =
        InstanceLock::adopt(*sys::duplicate(first->fd()), place.socket);
    REQUIRE(handed_on);
    first.reset();
    CHECK(sys::has_instance(place.socket));
  }
  CHECK_FALSE(sys::has_instance(place.socket));
  CHECK(InstanceLock::take(place.socket, {}));
}

TEST_CASE("a directory of our own is locked itself: no file to be removed") {
  const Place place;
  auto lock = *InstanceLock::take(place.socket, {});
  CHECK(lock.sign(core::Pid(::getpid())));
  CHECK(sys::reaper_of(place.socket) == core::Pid(::getpid()));
  std::filesystem::remove(place.socket + ".lock");
  CHECK(sys::has_instance(place.socket));
  CHECK_FALSE(InstanceLock::take(place.socket, {}));
  CHECK_FALSE(*lock.renew());
}

TEST_CASE("where others may open the directory it is a file, and renewed") {
  const Place place;
  REQUIRE(::chmod(place.top.c_str(), 0755) == 0);
  auto lock = *InstanceLock::take(place.socket, {});
  CHECK_FALSE(InstanceLock::take(place.socket, {}));
  CHECK_FALSE(*lock.renew());
  std::filesystem::remove(place.socket + ".lock");
  CHECK_FALSE(sys::has_instance(place.socket));
  CHECK(*lock.renew());
  CHECK(sys::has_instance(place.socket));
  CHECK_FALSE(InstanceLock::take(place.socket, {}));
}

TEST_CASE("a waiter has it as soon as it is free") {
  const Place place;
  int ready[2] = {-1, -1};
  REQUIRE(::pipe(ready) == 0);
  const pid_t other = ::fork();
  REQUIRE(other >= 0);
  if (other == 0) {
    const auto held = InstanceLock::take(place.socket, {});
    (void)!::write(ready[1], "1", 1);
    (void)::usleep(300'000);
    ::_exit(held ? 0 : 1);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  const auto began = sys::boot_now();
  CHECK(InstanceLock::take(place.socket, core::seconds(20)));
  CHECK((sys::boot_now() - began).raw() < 10'000'000);
  REQUIRE(::waitpid(other, nullptr, 0) == other);
  (void)::close(ready[0]);
  (void)::close(ready[1]);
}

TEST_CASE("a lock is renewed though somebody just asks whether it is free") {
  const Place place;
  REQUIRE(::chmod(place.top.c_str(), 0755) == 0);
  auto lock = *InstanceLock::take(place.socket, {});
  const std::string path = place.socket + ".lock";
  std::filesystem::remove(path);
  const auto asking = sys::open_lock_file(path);
  REQUIRE(asking);
  REQUIRE(::flock(asking->get(), LOCK_SH) == 0);
  const pid_t other = ::fork();
  REQUIRE(other >= 0);
  if (other == 0) {
    (void)::usleep(20'000);
    (void)::flock(asking->get(), LOCK_UN);
    ::_exit(0);
  }
  const auto renewed = lock.renew();
  REQUIRE(::waitpid(other, nullptr, 0) == other);
  REQUIRE(renewed);
  CHECK(*renewed);
  REQUIRE(::flock(asking->get(), LOCK_SH | LOCK_NB) < 0);
}

TEST_CASE("nothing is written into what is no regular file") {
  const Place place;
  const auto lock = InstanceLock::take(place.socket, {});
  REQUIRE(lock);
  std::filesystem::remove(place.socket + ".lock");
  REQUIRE(::mkfifo((place.socket + ".lock").c_str(), 0600) == 0);
  const auto done = lock->sign(core::Pid(::getpid()));
  REQUIRE_FALSE(done);
  CHECK(done.error().message().view() ==
        "expected a regular file at '" + place.socket + ".lock'");
}

TEST_CASE("what is no regular file is no lock") {
  const Place place;
  REQUIRE(::mkfifo((place.socket + ".lock").c_str(), 0600) == 0);
  const auto lock = InstanceLock::take(place.socket, {});
  REQUIRE_FALSE(lock);
  CHECK(lock.error().message().view() ==
        "expected a regular file at '" + place.socket + ".lock'");
}

TEST_CASE("a lock whose directory was replaced is none") {
  const Place place;
  const auto lock = InstanceLock::take(place.socket, {});
  REQUIRE(lock);
  const std::string old = place.top + ".old";
  std::filesystem::rename(place.top, old);
  REQUIRE(::mkdir(place.top.c_str(), 0700) == 0);
  std::filesystem::remove_all(old);
  const auto kept =
      InstanceLock::adopt(*sys::duplicate(lock->fd()), place.socket);
  REQUIRE_FALSE(kept);
  CHECK(kept.error().code == ESTALE);
}

TEST_CASE("a stranger that has the reaper's number is not taken for it") {
  const Place place;
  const auto lock = InstanceLock::take(place.socket, {});
  REQUIRE(lock);
  REQUIRE(lock->sign(core::Pid(::getpid())));
  CHECK(sys::living_reaper_of(place.socket) == core::Pid());
  const Name name("corral-ending");
  CHECK(sys::living_reaper_of(place.socket) == core::Pid(::getpid()));
}

TEST_CASE("who holds it is told") {
  const Name name("corral-reaper");
  const Place place;
  const auto lock = InstanceLock::take(place.socket, {});
  REQUIRE(lock);
  CHECK(sys::holder_of(place.socket) ==
        "a process that has not said who it is");
  REQUIRE(lock->sign(core::Pid(::getpid())));
  CHECK(sys::holder_of(place.socket) ==
        "process " + std::to_string(::getpid()) + ", its reaper");
  const pid_t gone = ::fork();
  if (gone == 0) ::_exit(0);
  REQUIRE(::waitpid(gone, nullptr, 0) == gone);
  REQUIRE(lock->sign(core::Pid(gone)));
  CHECK(sys::holder_of(place.socket) == "the supervisor of process " +
                                            std::to_string(gone) +
                                            ", a reaper that is gone");
}

}  // namespace
