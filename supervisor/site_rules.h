// SPDX-License-Identifier: Apache-2.0
// SiteRules: who the site's operators and schedulers are. Numbers hold at once;
// names are looked up by workers, and hold when the answer is there. One that
// is unknown gives nobody a right, and is told in the log.
#pragma once

#include <functional>
#include <string>

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
  void add_operator(const std::string& word);
  void add_scheduler(const std::string& word);

  const units::SiteSettings& site_;
  NameService& names_;
  Changed on_change_;
  core::AuthorityRules rules_;
};

}  // namespace supervisor
