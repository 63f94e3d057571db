// SPDX-License-Identifier: Apache-2.0
// Who may do what to whose job: the whole decision as a table of every caller,
// verb and owner.
#include "core/authority.h"

#include <string_view>

#include <doctest/doctest.h>

namespace {

using namespace core;

constexpr Uid kRoot{0};
constexpr Uid kInstance{900};
constexpr Uid kOwner{1000};
constexpr Uid kStranger{1001};
constexpr Uid kSchedulerUid{1002};
constexpr Uid kOperatorUid{1003};
constexpr Gid kOperators{50};
constexpr Gid kUsers{100};

AuthorityRules rules() {
  return {.instance = kInstance,
          .operators = {Gid(49), kOperators},
          .schedulers = {Uid(77), kSchedulerUid}};
}

Caller caller_of(Uid uid) {
  const Gid group = uid == kOperatorUid ? kOperators : kUsers;
  return {.uid = uid, .pid = Pid(1), .groups = {kUsers, group}, .granted = {}};
}

/// Of the verbs in their order: 'y' he may, '-' he may not.
struct Row {
  Uid caller;
  std::string_view to_own;    ///< to a job of his own
  std::string_view to_other;  ///< to one of another user
  std::string_view to_root;   ///< to one of root, or of the instance's user
};
// see, inspect, control, create for other, manage. (Nobody asks whether he may
// create for himself: that is no job of another.)
constexpr Row kRows[] = {
    {kRoot, "yyyyy", "yyyyy", "yyyyy"},
    {kInstance, "yyyyy", "yyyyy", "yyyyy"},
    {kOwner, "yyy--", "y----", "y----"},
    {kStranger, "yyy--", "y----", "y----"},
    {kOperatorUid, "yyy--", "yyy--", "y----"},
    {kSchedulerUid, "yyyy-", "y--y-", "y----"},
};

void check_verbs(Uid caller, Uid owner, std::string_view wanted) {
  for (unsigned i = 0; i <= static_cast<unsigned>(Verb::kLast); ++i) {
    CAPTURE(caller.raw());
    CAPTURE(owner.raw());
    CAPTURE(i);
    CHECK(may(caller_of(caller), static_cast<Verb>(i), owner, rules()) ==
          (wanted[i] == 'y'));
  }
}

}  // namespace

TEST_CASE("every caller, every verb, every owner") {
  for (const Row& row : kRows) {
    check_verbs(row.caller, row.caller, row.to_own);
    check_verbs(row.caller, Uid(2000), row.to_other);
    check_verbs(row.caller, kRoot, row.to_root);
    check_verbs(row.caller, kInstance, row.to_root);
  }
}

TEST_CASE("without rules there are no operators and no schedulers") {
  const AuthorityRules none{
      .instance = kInstance, .operators = {}, .schedulers = {}};
  for (const Uid uid : {kOperatorUid, kSchedulerUid}) {
    CHECK(may(caller_of(uid), Verb::kSee, kOwner, none));
    CHECK_FALSE(may(caller_of(uid), Verb::kInspect, kOwner, none));
    CHECK_FALSE(may(caller_of(uid), Verb::kControl, kOwner, none));
    CHECK_FALSE(may(caller_of(uid), Verb::kCreateForOther, kOwner, none));
  }
}

TEST_CASE("operators of a project, by user and by group, for its jobs alone") {
  constexpr Uid kByUser{1004};
  constexpr Uid kByGroup{1005};
  constexpr Gid kLabGroup{60};
  AuthorityRules lab = rules();
  lab.projects = {{.name = "other", .operators = {kStranger}},
                  {.name = "lab",
                   .operators = {Uid(3), kByUser},
                   .operator_groups = {Gid(59), kLabGroup}}};
  struct ProjectRow {
    Uid caller;
    Gid group;
    std::string_view to_lab;   ///< to a job of another user in "lab"
    std::string_view to_root;  ///< to one of root, or of the instance's user
  };
  constexpr ProjectRow kProjectRows[] = {
      {kByUser, kUsers, "yyy--", "y----"},
      {kByGroup, kLabGroup, "yyy--", "y----"},
      {kStranger, kUsers, "y----", "y----"},  // of "other"
      {kOperatorUid, kOperators, "yyy--", "y----"},
      {kSchedulerUid, kUsers, "y--y-", "y----"},
      {kRoot, kUsers, "yyyyy", "yyyyy"},
  };
  for (const ProjectRow& row : kProjectRows)
    for (unsigned i = 0; i <= static_cast<unsigned>(Verb::kLast); ++i) {
      CAPTURE(row.caller.raw());
      CAPTURE(i);
      const auto verb = static_cast<Verb>(i);
      const Caller caller{
          .uid = row.caller, .pid = Pid(1), .groups = {kUsers, row.group}};
      CHECK(may(caller, verb, kOwner, "lab", lab) == (row.to_lab[i] == 'y'));
      CHECK(may(caller, verb, kRoot, "lab", lab) == (row.to_root[i] == 'y'));
      CHECK(may(caller, verb, kInstance, "lab", lab) ==
            (row.to_root[i] == 'y'));
      // What it is not charged to gives nobody anything.
      for (const std::string_view project : {"", "none", "labs"})
        CHECK(may(caller, verb, kOwner, project, lab) ==
              may(caller, verb, kOwner, lab));
    }
}

TEST_CASE("what polkit granted holds for that verb alone") {
  Caller caller = caller_of(kStranger);
  caller.granted.add(Verb::kControl);
  CHECK(may(caller, Verb::kControl, kOwner, rules()));
  CHECK(may(caller, Verb::kControl, kRoot, rules()));
  CHECK_FALSE(may(caller, Verb::kInspect, kOwner, rules()));
  CHECK_FALSE(may(caller, Verb::kManage, kOwner, rules()));
}

TEST_CASE("every verb that can be denied has an action of polkit") {
  CHECK(polkit_action(Verb::kSee).empty());
  for (unsigned i = 1; i <= static_cast<unsigned>(Verb::kLast); ++i)
    CHECK(polkit_action(static_cast<Verb>(i)).starts_with("org.corral."));
}

TEST_CASE("a verb that does not exist is nobody's") {
  const auto verb = static_cast<Verb>(99);
  CHECK_FALSE(may(caller_of(kOwner), verb, kOwner, rules()));
  Caller granted = caller_of(kOwner);
  granted.granted.add(Verb::kManage);
  CHECK_FALSE(may(granted, verb, kOwner, rules()));
}
