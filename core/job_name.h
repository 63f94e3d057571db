// SPDX-License-Identifier: Apache-2.0
// Which names a job may have: those that can stand in a path and in a table,
// and that nobody takes for a jid, an option or a word with a meaning of its
// own, so that a job can always be spoken of by its name. One rule for every
// door. A word such as "db" or "cafe" is a name: a jid is written with its 0x.
#pragma once

#include <cstddef>
#include <string_view>

namespace core {

inline constexpr std::size_t kLongestJobName = 64;
/// Stands for the job that the asking process is in.
inline constexpr std::string_view kSelf = "self";

/// What a refusal of a name says was expected, and why.
inline constexpr const char* kJobNameExpected =
    "1 to 64 letters, digits and _.@:-; no number, 0x..., -..., '.', '..' "
    "or 'self'";

constexpr bool is_name_character(char c) {
  // In ASCII: "-." and "0123456789:", "@" and the capitals, "_", the others.
  return (c >= '-' && c <= ':' && c != '/') || (c >= '@' && c <= 'Z') ||
         c == '_' || (c >= 'a' && c <= 'z');
}

constexpr bool is_job_name(std::string_view text) {
  if (text.empty() || text.size() > kLongestJobName) return false;
  bool is_number = true;
  for (const char c : text) {
    if (!is_name_character(c)) return false;
    is_number = is_number && c >= '0' && c <= '9';
  }
  // "0x" alone, or with what is no digit, is taken for a jid too.
  return !is_number && !text.starts_with("0x") && !text.starts_with("0X") &&
         text.front() != '-' && text != "." && text != ".." && text != kSelf;
}

/// What a job without a name is called: its program's file.
constexpr std::string_view name_of_program(std::string_view path) {
  path.remove_prefix(path.rfind('/') + 1);
  return path;
}

}  // namespace core
