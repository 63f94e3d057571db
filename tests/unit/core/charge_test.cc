// SPDX-License-Identifier: Apache-2.0
// To what a job may be charged: the whole decision as a table.
#include "core/charge.h"

#include <doctest/doctest.h>

namespace {

using namespace core;

TEST_CASE("a project's or an account's name") {
  for (const char* name : {"a", "physics", "grant-1", "a.b/c@d+e_f", "4711"})
    CHECK(is_charge_name(name));
  for (const char* name : {"", "-a", "a b", "a:b", "a,b", "a=b", "\xC3\xA4"})
    CHECK_FALSE(is_charge_name(name));
  CHECK(is_charge_name(std::string(64, 'x')));
  CHECK_FALSE(is_charge_name(std::string(65, 'x')));
}

std::vector<ProjectRule> site() {
  return {{.name = "physics",
           .number = 4711,
           .users = {Uid(1000)},
           .groups = {Gid(50)},
           .accounts = {"grant", "own"}},
          {.name = "open", .number = 12, .is_open = true},
          {.name = "closed"}};
}

struct Row {
  const char* project;
  const char* account;
  Uid uid;
  Gid group;
  ChargeVerdict verdict;
  std::uint64_t number;
};

constexpr Row kRows[] = {
    {"", "", Uid(1), Gid(1), ChargeVerdict::kAllowed, 0},
    {"", "grant", Uid(1000), Gid(1), ChargeVerdict::kNoProject, 0},
    {"physics", "", Uid(1000), Gid(1), ChargeVerdict::kAllowed, 4711},
    {"physics", "grant", Uid(1000), Gid(1), ChargeVerdict::kAllowed, 4711},
    {"physics", "own", Uid(7), Gid(50), ChargeVerdict::kAllowed, 4711},
    {"physics", "other", Uid(1000), Gid(1), ChargeVerdict::kNoAccountOfThose,
     0},
    {"physics", "", Uid(7), Gid(51), ChargeVerdict::kNotOfProject, 0},
    {"open", "any", Uid(7), Gid(51), ChargeVerdict::kAllowed, 12},
    {"closed", "", Uid(1000), Gid(50), ChargeVerdict::kNotOfProject, 0},
    {"physic", "", Uid(1000), Gid(50), ChargeVerdict::kNoSuchProject, 0},
};

TEST_CASE("who may charge what, where the site lists its projects") {
  const auto rules = site();
  for (const Row& row : kRows) {
    CAPTURE(row.project);
    CAPTURE(row.uid.raw());
    const Gid groups[] = {Gid(100), row.group};
    const auto decision = decide_charge(rules, row.project, row.account,
                                        {.uid = row.uid, .groups = groups});
    CHECK(decision.verdict == row.verdict);
    CHECK(decision.number == row.number);
  }
}

TEST_CASE("a user's usual project is by his name, else by a group of his") {
  auto rules = site();
  rules[2].usual_users = {Uid(7)};
  rules[1].usual_groups = {Gid(60)};
  const auto usual_of = [&rules](Uid uid, Gid group) {
    const Gid groups[] = {Gid(100), group};
    const auto* const rule =
        usual_project(rules, {.uid = uid, .groups = groups});
    return rule == nullptr ? std::string() : rule->name;
  };
  CHECK(usual_of(Uid(7), Gid(60)) == rules[2].name);
  CHECK(usual_of(Uid(8), Gid(60)) == rules[1].name);
  CHECK(usual_of(Uid(8), Gid(61)).empty());
  const Gid groups[] = {Gid(61)};
  CHECK(
      decide_charge(rules, rules[2].name, "", {.uid = Uid(7), .groups = groups})
          .verdict == ChargeVerdict::kAllowed);
}

TEST_CASE("root and schedulers charge every project that there is") {
  const auto rules = site();
  const ChargedUser root = {
      .uid = Uid(0), .groups = {}, .may_charge_all = true};
  CHECK(decide_charge(rules, "closed", "x", root).verdict ==
        ChargeVerdict::kAllowed);
  CHECK(decide_charge(rules, "none", "", root).verdict ==
        ChargeVerdict::kNoSuchProject);
  CHECK(decide_charge(rules, "physics", "other", root).verdict ==
        ChargeVerdict::kNoAccountOfThose);
}

TEST_CASE("where the site lists none everybody names any, without a number") {
  const ChargedUser user = {.uid = Uid(7), .groups = {}};
  const auto decision = decide_charge({}, "anything", "own", user);
  CHECK(decision.verdict == ChargeVerdict::kAllowed);
  CHECK(decision.number == 0);
  CHECK(decide_charge({}, "", "own", user).verdict == ChargeVerdict::kAllowed);
}

}  // namespace
