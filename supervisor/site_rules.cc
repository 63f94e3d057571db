// SPDX-License-Identifier: Apache-2.0
#include "supervisor/site_rules.h"

#include <unistd.h>

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

void SiteRules::look_up() {
  rules_.operators.clear();
  rules_.schedulers.clear();
  for (const std::string& word : site_.operators)
    add_operator(word);
  for (const std::string& word : site_.schedulers)
    add_scheduler(word);
  on_change_(rules_);
}

void SiteRules::add_operator(const std::string& word) {
  if (const auto number = core::parse_number(word, UINT32_MAX)) {
    rules_.operators.emplace_back(static_cast<std::uint32_t>(*number));
    return;
  }
  names_.find_group(word, [this, word](const core::Answer<core::Gid>& group) {
    if (!group) return complain("group", word, group.error());
    rules_.operators.push_back(*group);
    on_change_(rules_);
  });
}

void SiteRules::add_scheduler(const std::string& word) {
  if (const auto number = core::parse_number(word, UINT32_MAX)) {
    rules_.schedulers.emplace_back(static_cast<std::uint32_t>(*number));
    return;
  }
  names_.find(word, [this, word](const core::Answer<User>& user) {
    if (!user) return complain("user", word, user.error());
    rules_.schedulers.push_back(user->uid);
    on_change_(rules_);
  });
}

}  // namespace supervisor
