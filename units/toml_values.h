// SPDX-License-Identifier: Apache-2.0
// A TOML text as a list of its values, each with the path of its keys and its
// line: what the loaders of configuration hold against their tables. Nothing is
// opened here.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace units {

/// What no loader takes: a number with a fraction, a date, an array of anything
/// but texts. As the file has it, for the complaint; empty beyond one line.
struct TomlOther {
  std::string text;
};

/// A table in which nothing stands: its name may be wrong all the same.
struct TomlEmptyTable {};

/// What configuration is made of.
using TomlData =
    std::variant<std::string, std::int64_t, bool, std::vector<std::string>,
                 TomlOther, TomlEmptyTable>;

struct TomlValue {
  std::vector<std::string> path;  ///< {"user", "alice", "memory"}
  TomlData data;
  std::uint32_t line = 0;  ///< from 1
};

/// A sentence for people: "FILE:LINE: what, what was expected".
using TomlError = std::string;

/// The values of `text` in their order (toml.io, 1.0). `file` is for the error.
/// A line with more than a thousand dots outside of quotes is refused: each is
/// a table within a table.
[[nodiscard]] std::expected<std::vector<TomlValue>, TomlError> read_toml(
    std::string_view text, std::string_view file);

/// The path as TOML writes it: user.alice."a b".
[[nodiscard]] std::string key_text(const std::vector<std::string>& path);

/// The value for a complaint: 'text', 5, true, ['a', 'b'].
[[nodiscard]] std::string shown(const TomlData& data);

/// "FILE:LINE: KEY: what".
[[nodiscard]] TomlError error_at(std::string_view file, const TomlValue& value,
                                 std::string_view what);

}  // namespace units
