// SPDX-License-Identifier: Apache-2.0
// A client's token for a request: whoever repeats it gets the job that it made.
// One rule for every door.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "core/job_name.h"

namespace core {

inline constexpr std::size_t kLongestToken = 64;
/// What a refusal of a token says was expected.
inline constexpr const char* kTokenExpected =
    "1 to 64 characters of A-Za-z0-9_.@:-";

constexpr bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= kLongestToken &&
         std::ranges::all_of(text, is_name_character);
}

}  // namespace core
