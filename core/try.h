// SPDX-License-Identifier: Apache-2.0
// The one macro of the tree: unwrap a std::expected or return its error.
//
//   core::UniqueFd fd = TRY(sys::open_at(dir, name));
//
// On std::expected<void, E> it yields void. Never between clone and exec: an
// early return there would run the parent's code in the child. Never nested.
#pragma once

#include <expected>
#include <utility>

#define TRY(expression)                                                     \
  __extension__({                                                           \
    auto&& try_result = (expression);                                       \
    if (!try_result) return std::unexpected(std::move(try_result).error()); \
    *std::move(try_result);                                                 \
  })
