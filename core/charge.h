// SPDX-License-Identifier: Apache-2.0
// What a job is charged to: a project, and an account within it. Whether a job
// may be charged to a project is a pure decision on the site's list of projects
// and whose job it is.
//
// Where the site lists no projects everybody names what they like: the words
// are then the owner's own, like tags, and no record has a project's number.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"

namespace core {

inline constexpr std::size_t kLongestChargeName = 64;

inline constexpr const char* kChargeNameExpected =
    "1 to 64 letters, digits and _.@/+-, not beginning with -";

/// The name of a project or of an account.
constexpr bool is_charge_name(std::string_view name) {
  const auto is_of_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') ||
           std::string_view("_.@/+-").find(c) != std::string_view::npos;
  };
  return !name.empty() && name.size() <= kLongestChargeName &&
         name.front() != '-' && std::ranges::all_of(name, is_of_name);
}

/// A project of the site's (corral.toml(5)).
struct ProjectRule {
  std::string name;
  std::uint64_t number = 0;  ///< ac_prid of CSA's records; 0: it has none
  bool is_open = false;      ///< everybody may charge it
  std::vector<Uid> users = {};
  std::vector<Gid> groups = {};
  std::vector<std::string> accounts = {};  ///< none: any
  /// Whose jobs are charged to it where they name none; they may charge it.
  std::vector<Uid> usual_users = {};
  std::vector<Gid> usual_groups = {};
  /// Who looks after the jobs that are charged to it (core/authority.h).
  std::vector<Uid> operators = {};
  std::vector<Gid> operator_groups = {};
};

/// Whose job it is. `may_charge_all`: a job that root or a scheduler makes.
struct ChargedUser {
  Uid uid;
  std::span<const Gid> groups;  ///< all of them, the primary one too
  bool may_charge_all = false;
};

enum class ChargeVerdict : std::uint8_t {
  kAllowed,
  kNoProject,         ///< an account was named without a project
  kNoSuchProject,     ///< the site lists others
  kNotOfProject,      ///< the user is not among its users
  kNoAccountOfThose,  ///< the project has accounts, and this is none of them
};

struct ChargeDecision {
  ChargeVerdict verdict = ChargeVerdict::kAllowed;
  std::uint64_t number = 0;  ///< of the project; 0: the site gives it none
};

namespace detail {

constexpr bool is_one_of(const std::vector<Uid>& users, Uid user) {
  return std::ranges::find(users, user) != users.end();
}
constexpr bool is_of(const std::vector<Gid>& groups, const ChargedUser& user) {
  return std::ranges::any_of(user.groups, [&groups](Gid group) {
    return std::ranges::find(groups, group) != groups.end();
  });
}

}  // namespace detail

constexpr bool is_of_project(const ProjectRule& rule, const ChargedUser& user) {
  if (rule.is_open || user.may_charge_all) return true;
  return detail::is_one_of(rule.users, user.uid) ||
         detail::is_one_of(rule.usual_users, user.uid) ||
         detail::is_of(rule.groups, user) ||
         detail::is_of(rule.usual_groups, user);
}

/// The project of a job that names none: the first that is usual for the user
/// by his name, else by a group of his; null: none.
constexpr const ProjectRule* usual_project(std::span<const ProjectRule> rules,
                                           const ChargedUser& user) {
  for (const ProjectRule& rule : rules)
    if (detail::is_one_of(rule.usual_users, user.uid)) return &rule;
  for (const ProjectRule& rule : rules)
    if (detail::is_of(rule.usual_groups, user)) return &rule;
  return nullptr;
}

/// Whether a job of `user` may be charged to `project` and `account`, either
/// of which may be empty.
constexpr ChargeDecision decide_charge(std::span<const ProjectRule> rules,
                                       std::string_view project,
                                       std::string_view account,
                                       const ChargedUser& user) {
  if (project.empty())
    return {.verdict = account.empty() || rules.empty()
                           ? ChargeVerdict::kAllowed
                           : ChargeVerdict::kNoProject};
  if (rules.empty()) return {};
  const auto rule = std::ranges::find(rules, project, &ProjectRule::name);
  if (rule == rules.end()) return {.verdict = ChargeVerdict::kNoSuchProject};
  if (!is_of_project(*rule, user))
    return {.verdict = ChargeVerdict::kNotOfProject};
  const bool is_listed =
      std::ranges::find(rule->accounts, account) != rule->accounts.end();
  if (!account.empty() && !rule->accounts.empty() && !is_listed)
    return {.verdict = ChargeVerdict::kNoAccountOfThose};
  return {.verdict = ChargeVerdict::kAllowed, .number = rule->number};
}

}  // namespace core
