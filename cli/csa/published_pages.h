// SPDX-License-Identifier: Apache-2.0
// The manual page of each published command, in scdoc(5)'s form, from its row.
#pragma once

#include <string>

#include "cli/csa/published_command.h"

namespace cli {

[[nodiscard]] std::string published_page(const PublishedCommand& command);

/// All of them with their summaries, for corral(1).
[[nodiscard]] std::string published_list();

}  // namespace cli
