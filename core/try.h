// SPDX-License-Identifier: Apache-2.0
// The one macro of the tree: unwrap a std::expected or return its error.
//
//   sys::UniqueFd fd = TRY(sys::open_at(dir, name));
//
// On std::expected<void, E> it yields void. Never between clone and exec: an
// early return there would run the parent's code in the child. Never nested.
#pragma once

#include <expected>
#include <utility>

namespace core::detail {

template <class T, class Error, class From>
[[nodiscard, gnu::cold, gnu::noinline]] std::expected<T, Error> pass_on(
    From& error) {
  return std::expected<T, Error>(std::unexpect, std::move(error));
}

/// An error on its way up: becomes any std::expected that can hold it.
template <class From>
struct Passed {
  From& error;

  template <class T, class Error>
  // NOLINTNEXTLINE(google-explicit-constructor): that is what it is for
  [[gnu::always_inline]] operator std::expected<T, Error>() const {
    return pass_on<T, Error>(error);
  }
};
template <class From>
Passed(From&) -> Passed<From>;

}  // namespace core::detail

#define TRY(expression)                                               \
  __extension__({                                                     \
    auto&& try_result = (expression);                                 \
    if (!try_result) return core::detail::Passed{try_result.error()}; \
    *std::move(try_result);                                           \
  })
