// SPDX-License-Identifier: Apache-2.0
// The sequences below the last one that were passed over, so that nobody has
// them: who asks for one of them may (jid_source.h). Ranges, in bounded memory.
//
// Invariant: what is in here was never given. What there is no room for is
// forgotten, and given no more: of many ranges the smallest.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace supervisor {

class FreeJids {
 public:
  struct Range {
    std::uint32_t first = 0;
    std::uint32_t last = 0;  ///< not below `first`
    friend bool operator==(const Range&, const Range&) = default;
  };
  static constexpr std::size_t kMost = 1024;  ///< 8 KiB

  /// All above what is in here already. An empty range adds nothing.
  void add(std::uint32_t first, std::uint32_t last) {
    if (first > last) return;
    ranges_.push_back({.first = first, .last = last});
    keep_within_bounds();
  }

  /// False: it is not free, or nobody knows that it is.
  [[nodiscard]] bool take(std::uint32_t sequence) {
    const auto at =
        std::ranges::lower_bound(ranges_, sequence, {}, &Range::last);
    if (at == ranges_.end() || at->first > sequence) return false;
    const Range below = {.first = at->first, .last = sequence - 1};
    const Range above = {.first = sequence + 1, .last = at->last};
    const bool has_below = at->first < sequence;
    const bool has_above = sequence < at->last;
    if (has_below) *at = below;
    if (has_above && has_below)
      ranges_.insert(at + 1, above);
    else if (has_above)
      *at = above;
    else if (!has_below)
      ranges_.erase(at);
    keep_within_bounds();
    return true;
  }

  /// What is above this was not passed over after all.
  void cut_above(std::uint32_t last) {
    std::erase_if(ranges_,
                  [last](const Range& range) { return range.first > last; });
    if (!ranges_.empty())
      ranges_.back().last = std::min(ranges_.back().last, last);
  }

  [[nodiscard]] const std::vector<Range>& ranges() const { return ranges_; }
  friend bool operator==(const FreeJids&, const FreeJids&) = default;

 private:
  void keep_within_bounds() {
    if (ranges_.size() <= kMost) return;
    ranges_.erase(std::ranges::min_element(ranges_, {}, [](const Range& range) {
      return range.last - range.first;
    }));
  }

  std::vector<Range> ranges_;  ///< ascending, apart from each other
};

}  // namespace supervisor
