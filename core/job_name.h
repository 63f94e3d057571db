// SPDX-License-Identifier: Apache-2.0
// Which names a job may have: those that can stand in a path and in a table,
// and that nobody takes for a jid or a word with a meaning of its own, so that
// a job can always be spoken of by its name. One rule for every door.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/ids.h"

namespace core {

inline constexpr std::size_t kLongestJobName = 64;
/// Stands for the job that the asking process is in.
inline constexpr std::string_view kSelf = "self";

/// What a refusal of a name says was expected.
inline constexpr const char* kJobNameExpected =
    "1 to 64 letters, digits and _.@:- that are no jid (hexadecimal) and not "
    "'self'";

constexpr bool is_name_character(char c) {
  // In ASCII: "-." and "0123456789:", "@" and the capitals, "_", the others.
  return (c >= '-' && c <= ':' && c != '/') || (c >= '@' && c <= 'Z') ||
         c == '_' || (c >= 'a' && c <= 'z');
}

constexpr bool is_job_name(std::string_view text) {
  if (text.empty() || text.size() > kLongestJobName) return false;
  for (const char c : text)
    if (!is_name_character(c)) return false;
  // "0x" alone, or with too many digits, is taken for a jid too.
  return text != kSelf && !text.starts_with("0x") && !text.starts_with("0X") &&
         !parse_job_id(text);
}

}  // namespace core
