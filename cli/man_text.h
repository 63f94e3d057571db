// SPDX-License-Identifier: Apache-2.0
// The parts of the manual that the command table knows, in scdoc(5)'s form.
// docs/meson.build puts them into docs/man/corral.1.scd.
#pragma once

#include <string>
#include <string_view>

namespace cli {

/// Topics: "commands" (all of them with their options), "exit-codes". Empty
/// for a topic that there is not.
[[nodiscard]] std::string man_text(std::string_view topic);

}  // namespace cli
