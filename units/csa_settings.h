// SPDX-License-Identifier: Apache-2.0
// csa.toml: the labels of csa.conf in another form. One table
// (csa_settings.cc) names each label, its key, and what is expected; what comes
// out is csa.conf's own form, so that all commands read one.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace units {

/// `file` is the name for messages. The error has a sentence for each fault:
/// file, line, key, value, and what was expected.
[[nodiscard]] std::expected<std::string, std::vector<std::string>>
csa_conf_of_toml(std::string_view text, std::string_view file);

/// For a test, which holds the manual to it: "KEY  LABEL  what is expected", a
/// line each.
[[nodiscard]] std::string csa_toml_keys();

}  // namespace units
