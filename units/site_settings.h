// SPDX-License-Identifier: Apache-2.0
// What a site says about an instance: corral.toml as values (corral.toml(5)).
// One table (site_settings.cc) names each key once, with what it expects.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/collector.h"
#include "core/file_rules.h"
#include "core/quantity.h"

namespace units {

/// One [project.NAME].
struct ProjectSettings {
  std::string name;
  std::uint64_t id = 0;                    ///< 0: it has none
  std::vector<std::string> users = {};     ///< names or numbers, as written
  std::vector<std::string> groups = {};    ///< likewise
  std::vector<std::string> accounts = {};  ///< none: any
  /// Whose jobs are charged to it where they name none.
  std::vector<std::string> usual_users = {};
  std::vector<std::string> usual_groups = {};
  /// Who inspects and controls the jobs that are charged to it.
  std::vector<std::string> operators = {};
  std::vector<std::string> operator_groups = {};
};

struct SiteSettings {
  // [authority], core/authority.h; names or numbers, as they are written
  std::vector<std::string> operators;   ///< groups
  std::vector<std::string> schedulers;  ///< users

  // [jobs]
  std::size_t remember = 1000;  ///< ended jobs at most
  core::Microseconds remember_for = core::seconds(3600);
  std::size_t live = 20000;          ///< jobs at a time
  std::size_t live_of_user = 10000;  ///< of one user, not of root

  // [project.NAME], core/charge.h; in the order of the file
  std::vector<ProjectSettings> projects;

  // [accounting]
  std::optional<core::Collector> collector;  ///< absent: the best that works
  std::uint64_t ring = 0;  ///< bytes of the kernel's ring; 0: what is usual
  std::optional<core::Microseconds> keep_for;  ///< switched files; for ever
  std::optional<std::uint64_t> keep_size;      ///< bytes of them; any
  core::FileRules file_rules;  ///< switch_size, switch_every, least_free
};

inline constexpr std::size_t kLargestSiteSettings = std::size_t{1} << 20;

/// `file` is the name for messages. The error has a sentence for each fault:
/// file, line, key, value, and what was expected.
[[nodiscard]] std::expected<SiteSettings, std::vector<std::string>>
parse_site_settings(std::string_view text, std::string_view file);

}  // namespace units
