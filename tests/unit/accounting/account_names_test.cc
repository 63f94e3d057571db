// SPDX-License-Identifier: Apache-2.0
// Names of users and groups, as all processors ask for them at the same time.
#include "accounting/text/account_names.h"

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

namespace {

constexpr std::uint32_t kNobodys = 3'999'999'999;

struct Known {
  std::uint32_t number;
  std::string user;
  std::string group;
};

/// Those that every Debian has, asked for by one thread, and one that is none.
std::vector<Known> known() {
  std::vector<Known> found;
  for (const std::uint32_t number : {0U, 1U, 2U, 3U, 5U, 8U, kNobodys}) {
    accounting::AccountNames names;
    found.push_back({number, names.user(number), names.group(number)});
  }
  return found;
}

}  // namespace

TEST_CASE("threads that ask for names at once each get the right one") {
  constexpr int kThreads = 8;
  constexpr int kRounds = 400;
  const std::vector<Known> wanted = known();
  REQUIRE(wanted.front().user == "root");
  REQUIRE(wanted.front().group == "root");
  REQUIRE(wanted.back().user == "?");
  REQUIRE(wanted.back().group == "?");
  std::atomic<int> wrong = 0;
  std::latch begin(kThreads);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < kThreads; ++i)
      threads.emplace_back([&, i] {
        begin.arrive_and_wait();
        for (std::size_t round = 0; round < kRounds; ++round) {
          const Known& one = wanted[(round + i) % wanted.size()];
          accounting::AccountNames names;  // so that it asks anew
          if (names.user(one.number) != one.user) ++wrong;
          if (names.group(one.number) != one.group) ++wrong;
        }
      });
  }
  CHECK(wrong == 0);
}
