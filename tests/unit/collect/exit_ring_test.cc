// SPDX-License-Identifier: Apache-2.0
// The ring of a collector that is a process, read as the scribe reads it.
#include "collect/exit_ring.h"

#include <fcntl.h>

#include <doctest/doctest.h>

#include "accounting/kernel_ring.h"

namespace {

constexpr std::uint64_t kSize = 4096;

class World {
 public:
  World() {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    ring_ = sys::UniqueFd(::memfd_create("ring", MFD_CLOEXEC));
    control_ = sys::UniqueFd(::memfd_create("control", MFD_CLOEXEC));
    wake_ = sys::UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    REQUIRE(::ftruncate(ring_.get(),
                        static_cast<off_t>(2 * page + 2 * kSize)) == 0);
    REQUIRE(::ftruncate(control_.get(), static_cast<off_t>(page)) == 0);
    words_ =
        *sys::MappedRange::map(control_.get(), 0, page, PROT_READ | PROT_WRITE);
    control().ring_id = 5;
    control().ring_size = kSize;
    control().wake_at = kSize / 2;
  }
  corral_control& control() {
    return *static_cast<corral_control*>(words_.get());
  }
  [[nodiscard]] collect::ExitRing writer() const {
    auto opened = collect::ExitRing::open(*ring_.duplicate(), control_,
                                          *wake_.duplicate());
    REQUIRE(opened);
    return *std::move(opened);
  }
  [[nodiscard]] accounting::KernelRing reader() const {
    auto opened = accounting::KernelRing::open(
        *ring_.duplicate(), *control_.duplicate(), *wake_.duplicate());
    REQUIRE(opened);
    return *std::move(opened);
  }
  /// How often the reader was woken since.
  std::uint64_t wakes() {
    std::uint64_t count = 0;
    return ::read(wake_.get(), &count, sizeof count) < 0 ? 0 : count;
  }

 private:
  sys::UniqueFd ring_;
  sys::UniqueFd control_;
  sys::UniqueFd wake_;
  sys::MappedRange words_;
};

corral_exit an_exit(int pid) {
  corral_exit exit = {};
  exit.pid = pid;
  std::memset(exit.comm, 'x', sizeof exit.comm);
  return exit;
}

}  // namespace

TEST_CASE("what is written is read, in order, over the ring's end") {
  World world;
  collect::ExitRing writer = world.writer();
  accounting::KernelRing reader = world.reader();
  for (int pid = 1; pid < 200; ++pid) {
    REQUIRE(writer.push(an_exit(pid)));
    const auto record = reader.read(reader.released());
    REQUIRE((record && record->exit != nullptr));
    CHECK(record->exit->pid == pid);
    CHECK(record->exit->comm[15] == 'x');
    reader.release(record->number);
    CHECK(reader.is_empty());
  }
}

TEST_CASE("what finds no room is counted, and what is there stays") {
  World world;
  collect::ExitRing writer = world.writer();
  accounting::KernelRing reader = world.reader();
  int written = 0;
  while (writer.push(an_exit(written + 1)))
    ++written;
  CHECK(written == (kSize - 1) / (sizeof(corral_exit) + 8));
  CHECK_FALSE(writer.push(an_exit(99)));
  CHECK(world.control().lost == 2);
  std::uint64_t at = reader.released();
  for (int pid = 1; pid <= written; ++pid) {
    const auto record = reader.read(at);
    REQUIRE((record && record->exit != nullptr));
    CHECK(record->exit->pid == pid);
    at = record->number;
  }
  CHECK_FALSE(reader.read(at));
}

TEST_CASE("the reader is woken by the first record, and when it is filling") {
  World world;
  collect::ExitRing writer = world.writer();
  accounting::KernelRing reader = world.reader();
  REQUIRE(writer.push(an_exit(1)));
  CHECK(world.wakes() == 0);
  CHECK_FALSE(reader.arm());  // there is one already
  reader.release(reader.filled());
  CHECK(reader.arm());
  REQUIRE(writer.push(an_exit(2)));
  CHECK(world.wakes() == 1);
  int pid = 3;
  while (writer.push(an_exit(pid)))
    ++pid;
  CHECK(world.wakes() == 1);
}

TEST_CASE("a writer goes on where the one before it ended") {
  World world;
  accounting::KernelRing reader = world.reader();
  REQUIRE(world.writer().push(an_exit(1)));
  REQUIRE(world.writer().push(an_exit(2)));
  const auto first = reader.read(0);
  REQUIRE(first);
  const auto second = reader.read(first->number);
  REQUIRE((second && second->exit != nullptr));
  CHECK(second->exit->pid == 2);
}
