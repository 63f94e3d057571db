// SPDX-License-Identifier: Apache-2.0
// Who may do what to whose job: the whole decision as a table.
#include "core/authority.h"

#include <doctest/doctest.h>

namespace {

using namespace core;

struct Row {
  Verb verb;
  bool owner;     ///< of the job
  bool stranger;  ///< another user
};

constexpr Row kRows[] = {
    {Verb::kSee, true, true},      {Verb::kInspect, true, false},
    {Verb::kControl, true, false}, {Verb::kCreateForOther, false, false},
    {Verb::kManage, false, false},
};

constexpr Uid kOwner{1000};
constexpr Uid kInstance{900};

bool may_do(std::uint32_t uid, Verb verb) {
  return may({Uid(uid), Pid(1)}, verb, kOwner, kInstance);
}

}  // namespace

TEST_CASE("an owner, a stranger, root and the instance's own user") {
  for (const Row& row : kRows) {
    CHECK(may_do(1000, row.verb) == row.owner);
    CHECK(may_do(1001, row.verb) == row.stranger);
    CHECK(may_do(0, row.verb));
    CHECK(may_do(900, row.verb));
  }
}

TEST_CASE("a verb that does not exist is nobody's") {
  CHECK_FALSE(may_do(1000, static_cast<Verb>(99)));
}
