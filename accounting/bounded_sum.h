// SPDX-License-Identifier: Apache-2.0
// Sums of counts that a record may tell in any size, as a damaged one does: a
// sum stays at the largest or the smallest of its type, and never turns round.
#pragma once

#include <concepts>
#include <limits>
#include <utility>

namespace accounting {

template <std::integral Number>
constexpr void add_bounded(Number& sum, Number more) {
  if (!__builtin_add_overflow(sum, more, &sum)) return;
  using Limits = std::numeric_limits<Number>;
  sum = std::cmp_less(more, 0) ? Limits::min() : Limits::max();
}

}  // namespace accounting
