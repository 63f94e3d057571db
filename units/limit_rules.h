// SPDX-License-Identifier: Apache-2.0
// /etc/corral/limits.toml, the site's limits: who may use how much in which
// domain (the heir of IRIX's user limits database).
//
//   [default]                the limits of everybody
//   [domain.NAME]            of everybody in a domain: interactive, batch,
//                            service, or the site's own
//   [group.NAME]             of a group, [group.NAME.DOMAIN] in that domain
//   [project.NAME]           likewise of the jobs that are charged to a project
//   [user.NAME]              likewise of a user
//
// Each holds limits by the names of `--limit`: memory = "4G", wall = "none".
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "core/limit_rules.h"

namespace units {

/// Where the file is looked for.
inline constexpr const char* kLimitsFile = "/etc/corral/limits.toml";
/// Beyond this it is something else.
inline constexpr std::size_t kLargestLimitsFile = std::size_t{4} << 20U;

/// The rules of `text` in the order of the file. The error is one sentence with
/// file, line, key, value and what was expected.
[[nodiscard]] std::expected<std::vector<core::LimitRule>, std::string>
read_limit_rules(std::string_view text, std::string_view file);

/// The table that a rule stands in, as the file has it: user.alice.batch.
[[nodiscard]] std::string table_of(const core::LimitRule& rule);

}  // namespace units
