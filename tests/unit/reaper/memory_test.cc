// SPDX-License-Identifier: Apache-2.0
// The reaper's fixed memory: the table of children, the ring, the store's
// table, the saved state. Each is compared with a plain container under random
// deeds.
#include <fcntl.h>

#include <map>
#include <memory>
#include <random>
#include <string>

#include <doctest/doctest.h>

#include "reaper/child_table.h"
#include "reaper/exit_ring.h"
#include "reaper/state.h"
#include "reaper/store_table.h"

namespace {

sys::UniqueFd open_null() {
  auto fd = sys::open_at(AT_FDCWD, "/dev/null", O_RDWR);
  REQUIRE(fd);
  return std::move(*fd);
}

}  // namespace

TEST_CASE("the table of children agrees with a map") {
  const auto table = std::make_unique<reaper::ChildTable>();
  std::map<std::int32_t, std::uint64_t> model;
  std::mt19937 random(1);
  for (std::uint64_t step = 1; step < 200000; ++step) {
    // Pids that collide: a multiple of the capacity apart.
    const auto pid = static_cast<std::int32_t>(
        1 + random() % 50 + (random() % 4) * reaper::ChildTable::kCapacity);
    if (random() % 2 == 0) {
      CHECK(table->remember(
          {.pid = pid, .reserved = 0, .jid = step, .order = step}));
      model[pid] = step;
    } else {
      table->forget(core::Pid(pid));
      model.erase(pid);
    }
    const auto asked = static_cast<std::int32_t>(
        1 + random() % 50 + (random() % 4) * reaper::ChildTable::kCapacity);
    const auto found = model.find(asked);
    const auto child = table->find(core::Pid(asked));
    REQUIRE((child.pid != 0) == (found != model.end()));
    if (child.pid != 0) REQUIRE(child.jid == found->second);
    REQUIRE(table->size() == model.size());
  }
}

TEST_CASE("a full table of children refuses") {
  const auto table = std::make_unique<reaper::ChildTable>();
  std::int32_t pid = 1;
  while (table->remember({.pid = pid, .reserved = 0, .jid = 5, .order = 9}))
    ++pid;
  CHECK(table->size() > reaper::ChildTable::kCapacity / 2);
  CHECK(table->find(core::Pid(pid)).pid == 0);
  CHECK(table->find(core::Pid(1)).order == 9);
  CHECK(table->find(core::Pid(1)).jid == 5);
}

TEST_CASE("the store's table agrees with a map") {
  const auto table = std::make_unique<reaper::StoreTable>();
  std::map<std::string, int> model;
  std::mt19937 random(2);
  const sys::UniqueFd null = open_null();
  for (int step = 0; step < 20000; ++step) {
    const std::string name = "n" + std::to_string(random() % 200);
    if (random() % 3 != 0) {
      auto copy = null.duplicate();
      REQUIRE(copy);
      const int number = copy->get();
      REQUIRE(table->put(name, std::move(*copy)));
      model[name] = number;
    } else {
      table->drop(name);
      model.erase(name);
    }
    const std::string asked = "n" + std::to_string(random() % 200);
    const auto place = table->find(asked);
    const auto found = model.find(asked);
    REQUIRE((place != reaper::StoreTable::kNone) == (found != model.end()));
    if (found != model.end()) REQUIRE(table->fd_at(place) == found->second);
    REQUIRE(table->size() == model.size());
  }
  std::uint32_t listed = 0;
  for (auto at = table->taken_from(0); at != reaper::StoreTable::kNone;
       at = table->taken_from(at + 1)) {
    CHECK(model.contains(table->name_at(at).name));
    ++listed;
  }
  CHECK(listed == model.size());
  for (const auto& [name, fd] : model)
    table->drop(name);
  CHECK(table->taken_from(0) == reaper::StoreTable::kNone);
}

TEST_CASE("the ring keeps what is not acknowledged, over an adoption") {
  auto ring = reaper::ExitRing::make(4);
  REQUIRE(ring);
  for (std::int32_t pid = 1; pid <= 4; ++pid) {
    CHECK_FALSE(ring->is_full());
    core::ExitRecord record;
    record.pid = pid;
    ring->push(record);
  }
  CHECK(ring->is_full());
  ring->acknowledge(9);  // never given
  ring->acknowledge(0);
  CHECK(ring->first() == 1);
  ring->acknowledge(2);
  CHECK(ring->first() == 3);
  core::ExitRecord fifth;
  fifth.pid = 5;
  ring->push(fifth);
  auto copy = ring->descriptor().duplicate();
  REQUIRE(copy);
  auto adopted = reaper::ExitRing::adopt(std::move(*copy));
  REQUIRE(adopted);
  CHECK(adopted->first() == 3);
  CHECK(adopted->next() == 6);
  for (std::uint64_t sequence = 3; sequence < 6; ++sequence) {
    core::ExitRecord record;
    CHECK(adopted->read(sequence, record));
    CHECK(record.pid == static_cast<std::int32_t>(sequence));
  }
}

TEST_CASE("a damaged record is never handed out, a damaged ring not adopted") {
  auto ring = reaper::ExitRing::make(4);
  REQUIRE(ring);
  ring->push(core::ExitRecord());
  const int fd = ring->descriptor().get();
  const char byte = 0x55;
  REQUIRE(::pwrite(fd, &byte, 1, 4096 + sizeof(core::ExitRecord) + 60) == 1);
  core::ExitRecord record;
  CHECK_FALSE(ring->read(1, record));
  const std::uint32_t capacity = 5;
  REQUIRE(::pwrite(fd, &capacity, sizeof capacity, 12) == sizeof capacity);
  auto copy = ring->descriptor().duplicate();
  REQUIRE(copy);
  CHECK_FALSE(reaper::ExitRing::adopt(std::move(*copy)));
  CHECK_FALSE(reaper::ExitRing::adopt(open_null()));
}

TEST_CASE("a state comes back as it was, and not otherwise") {
  const auto table = std::make_unique<reaper::ChildTable>();
  for (std::int32_t pid = 1; pid < 100; ++pid)
    CHECK(table->remember({.pid = pid, .reserved = 0, .jid = 7, .order = 8}));
  reaper::StateBody body;
  body.epoch = 77;
  body.orders[3].order = 12;
  const auto state = reaper::State::make(body, *table);
  REQUIRE(state);
  auto copy = state->descriptor().duplicate();
  REQUIRE(copy);
  const auto adopted = reaper::State::adopt(std::move(*copy));
  REQUIRE(adopted);
  CHECK(adopted->body().epoch == 77);
  CHECK(adopted->body().orders[3].order == 12);
  const auto again = std::make_unique<reaper::ChildTable>();
  adopted->read_children(*again);
  CHECK(again->size() == 99);
  CHECK(again->find(core::Pid(42)).order == 8);
  const char byte = 1;
  REQUIRE(::pwrite(state->descriptor().get(), &byte, 1, 40) == 1);
  auto bad = state->descriptor().duplicate();
  REQUIRE(bad);
  CHECK_FALSE(reaper::State::adopt(std::move(*bad)));
}
