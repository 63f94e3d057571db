// SPDX-License-Identifier: Apache-2.0
// The parts of the manual that the command table knows, in scdoc(5)'s form.
// docs/meson.build puts them into docs/man/corral.1.scd.
#pragma once

#include <string>
#include <string_view>

namespace cli {

/// Plain words in scdoc: its marks are escaped.
[[nodiscard]] std::string scdoc_escaped(std::string_view text);

/// Topics: "commands" (all of them with their options), "exit-codes",
/// "published-commands", and the name of a published command for its whole
/// page. Empty for a topic that there is not.
[[nodiscard]] std::string man_text(std::string_view topic);

}  // namespace cli
