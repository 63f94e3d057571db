// SPDX-License-Identifier: Apache-2.0
// Which texts D-Bus can carry as strings (D-Bus specification, "Marshalling":
// UTF-8 without NUL), and how others are shown. Arguments, directories and
// process names are bytes to the kernel.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/utf8.h"

namespace bus {

using core::is_utf8;
using core::utf8_length;

/// The text with each byte that is not UTF-8 replaced by U+FFFD: for showing.
inline std::string to_utf8(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) shown.append("\xEF\xBF\xBD");
    shown.append(text.substr(0, length));
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return shown;
}

}  // namespace bus
