// SPDX-License-Identifier: Apache-2.0
#include "supervisor/site_rules.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "core/number_text.h"
#include "supervisor/log.h"

namespace supervisor {

namespace {

void complain(const char* what, const std::string& word,
              const core::Refused& refused) {
  spdlog::error("{} '{}' of the site's settings is nobody: {}", what, word,
                refused.text);
}

}  // namespace

SiteRules::SiteRules(const units::SiteSettings& site, NameService& names,
                     Changed on_change)
    : site_(site),
      names_(names),
      on_change_(std::move(on_change)),
      rules_{.instance = core::Uid(::geteuid())} {}

// What is looked up is told when all of rules_ stands where it will stay.
void SiteRules::look_up() {
  rules_ = {.instance = rules_.instance};
  rules_.projects.reserve(site_.projects.size());
  for (const std::string& word : site_.operators)
    add_group(word, rules_.operators);
  for (const std::string& word : site_.schedulers)
    add_user(word, rules_.schedulers);
  for (const units::ProjectSettings& project : site_.projects)
    add_project(project);
  on_change_(rules_);
}

void SiteRules::add_project(const units::ProjectSettings& project) {
  core::ProjectRule& rule = rules_.projects.emplace_back();
  rule.name = project.name;
  rule.number = project.id;
  rule.accounts = project.accounts;
  rule.is_open = std::ranges::find(project.users, "*") != project.users.end();
  for (const std::string& word : project.users)
    if (word != "*") add_user(word, rule.users);
  for (const std::string& word : project.groups)
    add_group(word, rule.groups);
  for (const std::string& word : project.usual_users)
    add_user(word, rule.usual_users);
  for (const std::string& word : project.usual_groups)
    add_group(word, rule.usual_groups);
  for (const std::string& word : project.operators)
    add_user(word, rule.operators);
  for (const std::string& word : project.operator_groups)
    add_group(word, rule.operator_groups);
}

void SiteRules::add_group(const std::string& word, std::vector<core::Gid>& to) {
  if (const auto number = core::parse_number(word, UINT32_MAX)) {
    to.emplace_back(static_cast<std::uint32_t>(*number));
    return;
  }
  names_.find_group(word,
                    [this, word, &to](const core::Answer<core::Gid>& group) {
                      if (!group) return complain("group", word, group.error());
                      to.push_back(*group);
                      on_change_(rules_);
                    });
}

void SiteRules::add_user(const std::string& word, std::vector<core::Uid>& to) {
  if (const auto number = core::parse_number(word, UINT32_MAX)) {
    to.emplace_back(static_cast<std::uint32_t>(*number));
    return;
  }
  names_.find(word, [this, word, &to](const core::Answer<User>& user) {
    if (!user) return complain("user", word, user.error());
    to.push_back(user->uid);
    on_change_(rules_);
  });
}

}  // namespace supervisor
