// SPDX-License-Identifier: Apache-2.0
// The indices of a job array, "1-100%8", and the words for its members,
// "web[7]". A range is a value: what it holds is worked out from its parts.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.h"
#include "core/number_text.h"

namespace core {

inline constexpr std::uint32_t kLargestIndex = 999'999'999;
inline constexpr std::uint32_t kMostMembers = 100'000;

inline constexpr const char* kArrayExpected =
    "indices such as 1-100, 0-15:4 or 1,3,7-9, each once, at most 100000 of "
    "them and none above 999999999; then %N: at most N at a time";

/// first, first + step, ... up to last.
struct IndexRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  std::uint32_t step = 1;

  /// 0 for what no parser makes.
  [[nodiscard]] constexpr std::uint64_t count() const {
    if (last < first || step == 0) return 0;
    return (std::uint64_t{last} - first) / step + 1;
  }
  friend constexpr bool operator==(const IndexRange&,
                                   const IndexRange&) = default;
};

/// The indices of an array, in the order in which its members are made.
struct ArrayRange {
  std::vector<IndexRange> parts;
  std::uint32_t at_most = 0;  ///< members at a time; 0: any number

  [[nodiscard]] bool is_empty() const { return parts.empty(); }
  friend bool operator==(const ArrayRange&, const ArrayRange&) = default;
};

/// Which member of which array a job is.
struct ArrayMember {
  JobId array;  ///< kNoJob: of none
  std::uint32_t index = 0;
};

constexpr std::uint64_t count_of(const ArrayRange& range) {
  std::uint64_t count = 0;
  for (const IndexRange& part : range.parts)
    count += part.count();
  return count;
}

/// The index of the member that is made as number `place` (from 0). Nothing:
/// there are not so many.
constexpr std::optional<std::uint32_t> index_at(const ArrayRange& range,
                                                std::uint64_t place) {
  for (const IndexRange& part : range.parts) {
    if (place < part.count())
      return static_cast<std::uint32_t>(part.first + place * part.step);
    place -= part.count();
  }
  return std::nullopt;
}

/// Where in that order an index is.
constexpr std::optional<std::uint64_t> place_of(const ArrayRange& range,
                                                std::uint32_t index) {
  std::uint64_t before = 0;
  for (const IndexRange& part : range.parts) {
    if (part.count() > 0 && index >= part.first && index <= part.last &&
        (index - part.first) % part.step == 0)
      return before + (index - part.first) / part.step;
    before += part.count();
  }
  return std::nullopt;
}

struct IndexBounds {
  std::uint32_t lowest = 0;
  std::uint32_t highest = 0;
};

constexpr IndexBounds bounds_of(const ArrayRange& range) {
  IndexBounds bounds{.lowest = UINT32_MAX, .highest = 0};
  for (const IndexRange& part : range.parts) {
    if (part.count() == 0) continue;
    const auto last =
        static_cast<std::uint32_t>(part.first + (part.count() - 1) * part.step);
    bounds.lowest = std::min(bounds.lowest, part.first);
    bounds.highest = std::max(bounds.highest, last);
  }
  return bounds;
}

/// As it is typed: "1-100:2,200%8".
inline std::string text_of(const ArrayRange& range) {
  std::string text;
  for (const IndexRange& part : range.parts) {
    if (!text.empty()) text += ",";
    text += std::to_string(part.first);
    if (part.last != part.first) text += "-" + std::to_string(part.last);
    if (part.step != 1) text += ":" + std::to_string(part.step);
  }
  if (range.at_most != 0) text += "%" + std::to_string(range.at_most);
  return text;
}

namespace detail {

/// "7", "1-100" or "0-15:4".
constexpr std::optional<IndexRange> parse_part(std::string_view text) {
  IndexRange part;
  const auto take = [&text](char before) -> std::optional<std::string_view> {
    const std::size_t at = text.rfind(before);
    if (at == std::string_view::npos) return std::nullopt;
    const std::string_view behind(text.begin() + at + 1, text.end());
    text.remove_suffix(text.size() - at);
    return behind;
  };
  const auto step_text = take(':');
  const auto last_text = take('-');
  const auto step = parse_number(step_text.value_or("1"), kLargestIndex);
  const auto first = parse_number(text, kLargestIndex);
  const auto last = parse_number(last_text.value_or(text), kLargestIndex);
  if (!step || *step == 0 || !first || !last || *last < *first ||
      (step_text && !last_text))
    return std::nullopt;
  part.first = static_cast<std::uint32_t>(*first);
  part.last = static_cast<std::uint32_t>(*last);
  part.step = static_cast<std::uint32_t>(*step);
  return part;
}

inline bool has_each_once(const ArrayRange& range) {
  std::vector<std::uint32_t> indices;
  indices.reserve(count_of(range));
  for (const IndexRange& part : range.parts)
    for (std::uint64_t i = 0; i < part.count(); ++i)
      indices.push_back(static_cast<std::uint32_t>(part.first + i * part.step));
  std::ranges::sort(indices);
  return std::ranges::adjacent_find(indices) == indices.end();
}

}  // namespace detail

/// Nothing: it is none; kArrayExpected says what one is.
inline std::optional<ArrayRange> parse_array_range(std::string_view text) {
  ArrayRange range;
  if (const std::size_t at = text.find('%'); at != std::string_view::npos) {
    const auto most = parse_number(text.substr(at + 1), kMostMembers);
    if (!most || *most == 0) return std::nullopt;
    range.at_most = static_cast<std::uint32_t>(*most);
    text = text.substr(0, at);
  }
  std::uint64_t count = 0;
  for (bool is_last = false; !is_last;) {
    const std::size_t comma = text.find(',');
    is_last = comma == std::string_view::npos;
    const auto part = detail::parse_part(text.substr(0, comma));
    if (!part) return std::nullopt;
    count += part->count();
    if (count > kMostMembers) return std::nullopt;
    range.parts.push_back(*part);
    if (!is_last) text = text.substr(comma + 1);
  }
  if (!detail::has_each_once(range)) return std::nullopt;
  return range;
}

/// How a member is spoken of, and what it is called: the array's name, or its
/// jid if it has none, and the index.
struct MemberWord {
  std::string_view array;
  std::uint32_t index = 0;
};

/// "web[7]", "0x12[7]". Nothing: another word.
constexpr std::optional<MemberWord> parse_member_word(std::string_view word) {
  const std::size_t at = word.find('[');
  if (at == std::string_view::npos || at == 0 || !word.ends_with(']'))
    return std::nullopt;
  const auto index =
      parse_number(word.substr(at + 1, word.size() - at - 2), kLargestIndex);
  if (!index) return std::nullopt;
  return MemberWord{.array = word.substr(0, at),
                    .index = static_cast<std::uint32_t>(*index)};
}

inline std::string member_word(std::string_view array, std::uint32_t index) {
  return std::string(array) + "[" + std::to_string(index) + "]";
}

}  // namespace core
