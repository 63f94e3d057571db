// SPDX-License-Identifier: Apache-2.0
// Who may do what to whose job: a pure decision on caller, verb and owner.
// Callers are identified by the kernel (SO_PEERCRED, SO_PEERPIDFD) or by the
// bus, never by what they say; what polkit granted was asked for this one call.
//
//   verb             owner  operator        scheduler       others
//   ---------------  -----  --------------  --------------  --------------
//   kSee             yes    yes             yes             yes
//   kInspect         yes    unless root's   if polkit says  if polkit says
//   kControl         yes    unless root's   if polkit says  if polkit says
//   kCreateForOther  -      if polkit says  unless root     if polkit says
//   kManage          -      if polkit says  if polkit says  if polkit says
//
// An operator is one of all users' jobs, by his groups, or one of a project's
// jobs: what a job is charged to decides then, as the site lists it.
//
// Root and the user of the instance may do everything. "Root" in the table is
// both of them: nobody comes to their rights by a job of theirs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/charge.h"
#include "core/ids.h"

namespace core {

enum class Verb : std::uint8_t {
  kSee,      ///< that the job is there, its name, state, result and usage
  kInspect,  ///< its arguments, processes and output
  kControl,  ///< signal, end, freeze, limit
  kCreateForOther,
  kManage,  ///< the instance itself: re-exec, shut down
  kLast = kManage,
};

/// Some verbs.
class VerbSet {
 public:
  constexpr void add(Verb verb) { bits_ |= bit_of(verb); }
  [[nodiscard]] constexpr bool has(Verb verb) const {
    return verb <= Verb::kLast && (bits_ & bit_of(verb)) != 0;
  }

 private:
  static constexpr std::uint32_t bit_of(Verb verb) {
    return std::uint32_t{1} << static_cast<unsigned>(verb);
  }
  std::uint32_t bits_ = 0;
};

struct Caller {
  Uid uid;
  Pid pid;  ///< who connected; 0: it has ended, or is not known
  std::vector<Gid> groups = {};  ///< the primary one too
  VerbSet granted = {};          ///< for this call, by polkit
};

/// What a site says about authority (corral.toml(5)).
struct AuthorityRules {
  Uid instance;                      ///< that the supervisor runs as
  std::vector<Gid> operators = {};   ///< groups that look after all users' jobs
  std::vector<Uid> schedulers = {};  ///< users who make jobs for others
  std::vector<ProjectRule> projects = {};  ///< none: any word is one
};

constexpr bool is_scheduler(const Caller& caller, const AuthorityRules& rules) {
  return std::ranges::find(rules.schedulers, caller.uid) !=
         rules.schedulers.end();
}

constexpr bool is_operator(const Caller& caller, const AuthorityRules& rules) {
  return std::ranges::any_of(caller.groups, [&rules](Gid group) {
    return std::ranges::find(rules.operators, group) != rules.operators.end();
  });
}

/// May `caller` do `verb` to a job of `owner`?
constexpr bool may(const Caller& caller, Verb verb, Uid owner,
                   const AuthorityRules& rules) {
  const auto is_root = [&rules](Uid uid) {
    return uid == Uid(0) || uid == rules.instance;
  };
  if (is_root(caller.uid) || caller.granted.has(verb)) return true;
  switch (verb) {
    case Verb::kSee:
      return true;
    case Verb::kInspect:
    case Verb::kControl:
      if (caller.uid == owner) return true;
      return !is_root(owner) && is_operator(caller, rules);
    case Verb::kCreateForOther:
      return !is_root(owner) && is_scheduler(caller, rules);
    case Verb::kManage:
      return false;
  }
  return false;
}

/// Does `caller` look after the jobs that are charged to `project`?
constexpr bool is_operator_of(const Caller& caller, std::string_view project,
                              const AuthorityRules& rules) {
  if (project.empty()) return false;
  const auto rule =
      std::ranges::find(rules.projects, project, &ProjectRule::name);
  if (rule == rules.projects.end()) return false;
  return detail::is_one_of(rule->operators, caller.uid) ||
         detail::is_of(rule->operator_groups,
                       {.uid = caller.uid, .groups = caller.groups});
}

/// The same of a job, of which it is known what it is charged to.
constexpr bool may(const Caller& caller, Verb verb, Uid owner,
                   std::string_view project, const AuthorityRules& rules) {
  if (may(caller, verb, owner, rules)) return true;
  const bool is_of_operators = verb == Verb::kInspect || verb == Verb::kControl;
  return is_of_operators && owner != Uid(0) && owner != rules.instance &&
         is_operator_of(caller, project, rules);
}

/// May `caller` say which jid a job is to have?
constexpr bool may_choose_jid(const Caller& caller,
                              const AuthorityRules& rules) {
  return caller.uid == Uid(0) || caller.uid == rules.instance ||
         is_scheduler(caller, rules) ||
         caller.granted.has(Verb::kCreateForOther);
}

/// Who it is that a job of `uid` is charged for.
constexpr ChargedUser charged_user(const Caller& caller, Uid uid,
                                   std::span<const Gid> groups,
                                   const AuthorityRules& rules) {
  return {.uid = uid,
          .groups = groups,
          .may_charge_all = caller.uid == Uid(0) ||
                            caller.uid == rules.instance ||
                            is_scheduler(caller, rules)};
}

/// The action of polkit(8) that can grant a verb; empty: none can.
constexpr std::string_view polkit_action(Verb verb) {
  switch (verb) {
    case Verb::kSee:
      return {};
    case Verb::kInspect:
      return "org.corral.inspect-jobs";
    case Verb::kControl:
      return "org.corral.control-jobs";
    case Verb::kCreateForOther:
      return "org.corral.create-jobs-for-others";
    case Verb::kManage:
      return "org.corral.manage-instance";
  }
  return {};
}

}  // namespace core
