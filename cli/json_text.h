// SPDX-License-Identifier: Apache-2.0
// Facts as JSON: what is not known is null.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace cli {

// Ordered: keys are printed as they are documented.
using Json = nlohmann::ordered_json;

/// One line with its end. Names and arguments are bytes: what is no UTF-8 is
/// shown as U+FFFD.
[[nodiscard]] inline std::string json_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// A number, the number in a quantity, or a text.
template <class T>
[[nodiscard]] Json maybe(const std::optional<T>& value) {
  if (!value) return nullptr;
  if constexpr (requires { value->raw(); })
    return value->raw();
  else
    return *value;
}

[[nodiscard]] inline Json text_or_null(std::string_view text) {
  if (text.empty()) return nullptr;
  return text;
}

}  // namespace cli
