// SPDX-License-Identifier: Apache-2.0
// Journals of versions before this one's.
#include <doctest/doctest.h>

#include "core/event_codec.h"

using Bytes = std::vector<std::byte>;
using core::JobEvent;

TEST_CASE("what a journal of version 2 lacks has its default") {
  core::JobSpec spec;
  spec.name = "old";
  Bytes bytes;
  core::encode(JobEvent{core::JobId(1),
                        {},
                        core::event::Created{spec, core::Uid(7),
                                             core::Engine::kCgroup2}},
               bytes);
  bytes[0] = std::byte{2};
  CHECK(!core::decode(bytes));
  // Before owner and engine: parent, domain and service.
  bytes.erase(bytes.end() - 21, bytes.end() - 5);
  const auto item = core::decode(bytes);
  REQUIRE(item);
  const auto created =
      std::get<core::event::Created>(std::get<JobEvent>(*item).body);
  CHECK(created.owner == core::Uid(7));
  CHECK(created.spec.name == "old");
  CHECK(created.spec.parent == core::kNoJob);
}
