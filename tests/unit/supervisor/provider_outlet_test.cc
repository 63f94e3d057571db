// SPDX-License-Identifier: Apache-2.0
// A provider's queue: what is told comes in order; what it does not read costs
// bounded memory, and every event is told, waits, or is counted as lost.
#include "supervisor/provider_outlet.h"

#include <sys/socket.h>

#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace {

using supervisor::OutletBounds;
using supervisor::ProviderOutlet;
using Sent = ProviderOutlet::Sent;

struct World {
  explicit World(const OutletBounds& bounds = {}) : outlet(bounds) {
    auto end = outlet.open(loop, [this] { ++ready; });
    REQUIRE(end);
    reader = sys::UniqueFd(*std::move(end));
  }
  std::string read() {
    char buffer[65536];
    const ssize_t size =
        ::recv(reader.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    return size < 0 ? "" : std::string(buffer, static_cast<std::size_t>(size));
  }
  /// All there is, and what comes when there is room again.
  std::string read_all() {
    std::string all;
    for (int i = 0; i < 10000; ++i) {
      if (outlet.has_more()) (void)outlet.send();
      const std::string some = read();
      all += some;
      if (some.empty() && !outlet.has_more()) break;
    }
    return all;
  }

  supervisor::EventLoop loop = *supervisor::EventLoop::make();
  ProviderOutlet outlet;
  sys::UniqueFd reader;
  int ready = 0;
};

std::string line(int number) {
  return "event " + std::to_string(number) + std::string(100, '.') + "\n";
}

struct Account {
  std::uint64_t events = 0;
  std::uint64_t lost = 0;
  std::vector<int> numbers;
};
Account count(const std::string& text) {
  Account account;
  const std::string gap = "{\"event\":\"lost\",\"count\":";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::string one = text.substr(at, end - at);
    if (one.starts_with(gap)) {
      account.lost += std::stoull(one.substr(gap.size()));
    } else {
      ++account.events;
      account.numbers.push_back(std::stoi(one.substr(6)));
    }
    at = end + 1;
  }
  return account;
}

TEST_CASE("lines come in their order, several a packet") {
  World world;
  world.outlet.say_first("first\n");
  world.outlet.tell("one\n");
  world.outlet.tell("two\n");
  CHECK(world.outlet.send() == Sent::kAll);
  CHECK(world.read() == "first\none\ntwo\n");
  CHECK(world.outlet.told() == 2);
  CHECK(!world.outlet.has_more());
}

TEST_CASE("who does not read loses the oldest, and is told how many, there") {
  World world({.kept_bytes = 4096});
  constexpr int kEvents = 5000;
  for (int i = 0; i < kEvents; ++i) {
    world.outlet.tell(line(i));
    if (!world.outlet.is_blocked()) (void)world.outlet.send();
  }
  CHECK(world.outlet.is_blocked());
  const ProviderOutlet& outlet = world.outlet;
  CHECK(outlet.told() + outlet.waiting() + outlet.lost() == kEvents);
  CHECK(outlet.lost() > 0);
  CHECK(outlet.waiting() < 40);
  const std::uint64_t lost = outlet.lost();
  const std::string text = world.read_all();
  const Account account = count(text);
  CHECK(account.lost == lost);
  CHECK(account.events + account.lost == kEvents);
  CHECK(std::ranges::is_sorted(account.numbers));
  CHECK(account.numbers.back() == kEvents - 1);
  // The gap stands between what came before it and what came after.
  const std::size_t gap = text.find("\"lost\"");
  CHECK(text.find("event 0.") < gap);
  CHECK(gap < text.find("event " + std::to_string(kEvents - 1) + "."));
}

TEST_CASE(
    "losses from elsewhere stand where they happened, also when dropped") {
  World world({.kept_bytes = 2000});
  world.outlet.tell("event 1\n");
  world.outlet.add_lost(10);
  world.outlet.add_lost(5);
  world.outlet.tell("event 2\n");
  CHECK(world.outlet.send() == Sent::kAll);
  CHECK(world.read() ==
        "event 1\n{\"event\":\"lost\",\"count\":15}\nevent 2\n");
  world.outlet.add_lost(7);
  for (int i = 0; i < 20; ++i)
    world.outlet.tell(line(i));
  world.outlet.add_lost(3);
  for (int i = 20; i < 40; ++i)
    world.outlet.tell(line(i));
  const std::uint64_t lost = world.outlet.lost();
  const Account account = count(world.read_all());
  CHECK(account.events + account.lost == 40 + 7 + 3);
  CHECK(account.lost + 15 == lost);
}

TEST_CASE("a packet has whole lines, and at most so many bytes") {
  World world({.packet = 250});
  for (int i = 0; i < 10; ++i)
    world.outlet.tell(line(i));
  CHECK(world.outlet.send() == Sent::kMore);  // a turn is over
  const std::string packet = world.read();
  CHECK(packet.size() <= 250);
  CHECK(packet.size() == 2 * line(0).size());
}

TEST_CASE("one that has closed, or speaks, has left") {
  World world;
  CHECK(!world.outlet.has_left());
  (void)!::send(world.reader.get(), "x", 1, MSG_NOSIGNAL);
  CHECK(world.outlet.has_left());
  World other;
  other.reader.reset();
  CHECK(other.outlet.has_left());
  other.outlet.tell("one\n");
  CHECK(other.outlet.send() == Sent::kGone);
}

}  // namespace
