// SPDX-License-Identifier: Apache-2.0
#include "core/file_rules.h"

#include <doctest/doctest.h>

namespace {

using core::FileRules;
using core::SwitchCause;

TEST_CASE("a file is switched at its size, or at its age, but never bare") {
  const FileRules both = {.most_bytes = 1000, .longest = core::seconds(5)};
  const FileRules size = {.most_bytes = 1000, .longest = {}};
  const FileRules age = {.longest = core::seconds(5)};
  struct Row {
    FileRules rules;
    core::FileState file;
    SwitchCause cause;
  };
  const Row rows[] = {
      {both, {.bytes = 999, .bare_bytes = 200}, SwitchCause::kNone},
      {both, {.bytes = 1000, .bare_bytes = 200}, SwitchCause::kSize},
      {both, {.bytes = 1000, .is_old = true}, SwitchCause::kSize},
      {both,
       {.bytes = 201, .bare_bytes = 200, .is_old = true},
       SwitchCause::kAge},
      {both,
       {.bytes = 200, .bare_bytes = 200, .is_old = true},
       SwitchCause::kNone},
      {both, {.bytes = 2000, .bare_bytes = 2000}, SwitchCause::kNone},
      {both, {.is_old = true}, SwitchCause::kNone},
      {size, {.bytes = 999, .is_old = true}, SwitchCause::kNone},
      {age, {.bytes = 1U << 30U}, SwitchCause::kNone},
      {{}, {.bytes = 1U << 30U, .is_old = true}, SwitchCause::kNone},
  };
  for (const Row& row : rows)
    CHECK(core::switch_cause(row.rules, row.file) == row.cause);
  CHECK(size.may_switch());
  CHECK(age.may_switch());
  CHECK_FALSE(FileRules{.longest = {}, .least_free = 1}.may_switch());
}

TEST_CASE("room that ran short is there again when a quarter more is") {
  const FileRules rules = {.longest = {}, .least_free = 1000};
  CHECK_FALSE(core::lacks_room(rules, false, 1000));
  CHECK(core::lacks_room(rules, false, 999));
  CHECK(core::lacks_room(rules, true, 1000));
  CHECK(core::lacks_room(rules, true, 1249));
  CHECK_FALSE(core::lacks_room(rules, true, 1250));
  CHECK_FALSE(core::lacks_room({}, false, 0));
}

}  // namespace
