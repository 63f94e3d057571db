// SPDX-License-Identifier: Apache-2.0
// Tags: words that an owner puts on a job, KEY or KEY=VALUE, to find it by.
// They mean nothing to Corral and never change.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace core {

inline constexpr std::size_t kLongestTag = 64;
inline constexpr std::size_t kMostTags = 16;

inline constexpr const char* kTagExpected =
    "KEY or KEY=VALUE of at most 64 letters, digits and _.@:/+-, each KEY once "
    "and at most 16 of them";

constexpr std::string_view key_of_tag(std::string_view tag) {
  return tag.substr(0, tag.find('='));
}

constexpr bool is_tag(std::string_view tag) {
  const auto is_of_tag = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') ||
           std::string_view("_.@:/+-=").find(c) != std::string_view::npos;
  };
  return tag.size() <= kLongestTag && std::ranges::all_of(tag, is_of_tag) &&
         !key_of_tag(tag).empty() && std::ranges::count(tag, '=') <= 1;
}

inline bool are_tags(const std::vector<std::string>& tags) {
  std::vector<std::string_view> keys;
  for (const std::string& tag : tags) {
    if (!is_tag(tag)) return false;
    keys.push_back(key_of_tag(tag));
  }
  std::ranges::sort(keys);
  return tags.size() <= kMostTags &&
         std::ranges::adjacent_find(keys) == keys.end();
}

/// Whether a job with these tags has all that are wanted: KEY=VALUE as it
/// stands, KEY with any value or none.
inline bool has_tags(const std::vector<std::string>& tags,
                     const std::vector<std::string>& wanted) {
  return std::ranges::all_of(wanted, [&tags](const std::string& one) {
    return std::ranges::any_of(tags, [&one](const std::string& tag) {
      return tag == one || key_of_tag(tag) == one;
    });
  });
}

}  // namespace core
