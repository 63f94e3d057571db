// SPDX-License-Identifier: Apache-2.0
// Jobs as JSON: stable keys, every key always there, null for what is not
// known. The keys are documented in the command table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/job_control.h"

namespace cli {

/// One object on one line, ended by a newline.
[[nodiscard]] std::string detached_json(core::JobId jid, std::string_view name,
                                        std::string_view instance);

}  // namespace cli
