// SPDX-License-Identifier: Apache-2.0
#include "supervisor/charging.h"

#include <string>
#include <utility>
#include <vector>

#include "core/try.h"

namespace supervisor {

namespace {

using core::ChargeVerdict;
using core::Refusal;

core::Answer<void> check_word(const char* what, const std::string& word) {
  if (word.empty() || core::is_charge_name(word)) return {};
  return refuse(Refusal::kInvalid, std::string("the ") + what + " is '" + word +
                                       "', expected " +
                                       core::kChargeNameExpected);
}

/// "; uid 7 may charge 'a', 'b'"
std::string choice_of(const core::AuthorityRules& rules,
                      const core::ChargedUser& user) {
  constexpr std::size_t kMostShown = 10;
  std::string names;
  std::size_t count = 0;
  for (const core::ProjectRule& rule : rules.projects) {
    if (!core::is_of_project(rule, user) || count++ >= kMostShown) continue;
    names += (names.empty() ? "'" : ", '") + rule.name + "'";
  }
  if (count > kMostShown) names += ", ...";
  return "; uid " + std::to_string(user.uid.raw()) + " may charge " +
         (names.empty() ? "none" : names) + " (corral.toml(5))";
}

core::Answer<void> refuse_charge(ChargeVerdict verdict,
                                 const core::JobSpec& spec,
                                 const std::string& choice) {
  const std::string project = "project '" + spec.project + "'";
  switch (verdict) {
    case ChargeVerdict::kAllowed:
      return {};
    case ChargeVerdict::kNoProject:
      return refuse(Refusal::kInvalid, "the account is '" + spec.account +
                                           "' and no project was named, "
                                           "expected one" +
                                           choice);
    case ChargeVerdict::kNoSuchProject:
      return refuse(Refusal::kInvalid, "the site has no " + project + choice);
    case ChargeVerdict::kNotOfProject:
      return refuse(Refusal::kAccessDenied,
                    "uid " + std::to_string(spec.uid.raw()) +
                        " may not charge " + project + choice);
    case ChargeVerdict::kNoAccountOfThose:
      return refuse(Refusal::kInvalid, "account '" + spec.account +
                                           "' is none of those of " + project +
                                           " (corral.toml(5))");
  }
  return {};
}

std::vector<core::Gid> groups_of(const core::Caller& caller,
                                 const core::JobSpec& spec) {
  std::vector<core::Gid> groups = spec.groups;
  groups.push_back(spec.gid);
  if (caller.uid == spec.uid)
    groups.insert(groups.end(), caller.groups.begin(), caller.groups.end());
  return groups;
}

}  // namespace

core::Answer<void> settle_charge(const core::Caller& caller,
                                 const core::AuthorityRules& rules,
                                 const core::JobSpec* outer,
                                 core::JobSpec& spec) {
  TRY(check_word("project", spec.project));
  TRY(check_word("account", spec.account));
  spec.project_id = 0;
  if (outer != nullptr && spec.project.empty() && spec.account.empty()) {
    spec.project = outer->project;
    spec.account = outer->account;
    spec.project_id = outer->project_id;
    return {};
  }
  const std::vector<core::Gid> groups = groups_of(caller, spec);
  const core::ChargedUser user =
      core::charged_user(caller, spec.uid, groups, rules);
  if (spec.project.empty())
    if (const auto* const usual = core::usual_project(rules.projects, user))
      spec.project = usual->name;
  const core::ChargeDecision decision =
      core::decide_charge(rules.projects, spec.project, spec.account, user);
  spec.project_id = decision.number;
  if (decision.verdict == ChargeVerdict::kAllowed) return {};
  return refuse_charge(decision.verdict, spec, choice_of(rules, user));
}

}  // namespace supervisor
