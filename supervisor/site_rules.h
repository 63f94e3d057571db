// SPDX-License-Identifier: Apache-2.0
// SiteRules: who the site's operators, schedulers and users of projects are.
// Numbers hold at once;
// names are looked up by workers, and hold when the answer is there. One that
// is unknown gives nobody a right, and is told in the log.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/authority.h"
#include "supervisor/names_worker.h"
#include "units/site_settings.h"

namespace supervisor {

class SiteRules {
 public:
  using Changed = std::function<void(const core::AuthorityRules&)>;

  /// `names` and `site` are borrowed.
  SiteRules(const units::SiteSettings& site, NameService& names,
            Changed on_change);

  /// Calls on_change() with what is known, and again with each answer.
  void look_up();

 private:
  void add_group(const std::string& word, std::vector<core::Gid>& to);
  void add_user(const std::string& word, std::vector<core::Uid>& to);
  void add_project(const units::ProjectSettings& project);

  const units::SiteSettings& site_;
  NameService& names_;
  Changed on_change_;
  core::AuthorityRules rules_;
};

}  // namespace supervisor
