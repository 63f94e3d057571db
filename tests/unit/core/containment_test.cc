// SPDX-License-Identifier: Apache-2.0
// The choice of the engine: every combination of facts.
#include "core/containment.h"

#include <doctest/doctest.h>

using namespace core;

TEST_CASE("cgroup2 is chosen only where all that it needs is there") {
  for (int facts = 0; facts < 8; ++facts) {
    const ContainmentFacts host = {.has_cgroup2 = (facts & 1) != 0,
                                   .cgroup2_is_writable = (facts & 2) != 0,
                                   .has_cgroup_kill = (facts & 4) != 0};
    const EngineChoice choice = choose_engine(host);
    CHECK((choice.engine == Engine::kCgroup2) == (facts == 7));
    CHECK_FALSE(choice.why.empty());
  }
}

TEST_CASE("what is missing first is the reason") {
  CHECK(choose_engine({}).why == "no cgroup v2 hierarchy is mounted");
  CHECK(choose_engine({.has_cgroup2 = true}).why ==
        "the cgroup v2 hierarchy is not writable here");
  CHECK(choose_engine({.has_cgroup2 = true, .cgroup2_is_writable = true}).why ==
        "this kernel has no cgroup.kill (Linux 5.14)");
  CHECK(choose_engine({.has_cgroup2 = true,
                       .cgroup2_is_writable = true,
                       .has_cgroup_kill = true,
                       .base_is_elsewhere = true})
            .engine == Engine::kSubreaper);
}

TEST_CASE("engines have names that are read again") {
  for (const Engine engine :
       {Engine::kCgroup2, Engine::kSubreaper, Engine::kPidns})
    CHECK(parse_engine(name_of(engine)) == engine);
  CHECK_FALSE(parse_engine("cgroup"));
  CHECK_FALSE(parse_engine(""));
  CHECK(name_of(static_cast<Engine>(0)) == "unknown");
}
