// SPDX-License-Identifier: Apache-2.0
// Error: which call failed, on what, and why. A value without a heap, so that
// the reaper uses the same. Answers of the domain ("no such job") are not
// errors: see core/refusal.h.
#pragma once

#include <cstring>
#include <expected>
#include <string_view>

#include "core/text.h"
#include "core/try.h"

namespace core {

struct Error {
  int code = 0;         ///< an errno value, 0 where the kernel said nothing
  const char* op = "";  ///< the call or the step: "open", "parse"
  Text<160> subject;    ///< on what: a path, a name, a key

  /// "open '/a/b': No such file or directory"
  [[nodiscard]] Text<320> message() const {
    Text<320> text;
    text.append(op);
    if (!subject.empty()) text.append(" '").append(subject.view()).append("'");
    if (code != 0) text.append(": ").append(std::strerror(code));
    return text;
  }
};

template <class T>
using Result = std::expected<T, Error>;

namespace detail {

template <class T>
[[nodiscard, gnu::cold, gnu::noinline]] Result<T> failed(int code,
                                                         const char* op,
                                                         const char* subject) {
  return Result<T>(std::unexpect, code, op, subject);
}

/// What fail() returns: becomes any Result at the place of the return, without
/// an Error on the way. Points to its texts.
struct [[nodiscard]] Failure {
  int code;
  const char* op;
  const char* subject;

  template <class T>
  // NOLINTNEXTLINE(google-explicit-constructor): a failure is a result
  [[gnu::always_inline]] operator std::expected<T, Error>() const {
    return failed<T>(code, op, subject);
  }
};

}  // namespace detail

/// An error for the errno value `code`; save errno in the statement of the
/// call. `subject` ends with a NUL byte.
[[nodiscard]] inline detail::Failure fail(int code, const char* op,
                                          const char* subject = "") {
  return {.code = code, .op = op, .subject = subject};
}

/// Likewise. Cold: kept out of its callers' code.
[[nodiscard, gnu::cold]] inline std::unexpected<Error> fail(
    int code, const char* op, std::string_view subject) {
  return std::unexpected<Error>(std::in_place, code, op, subject);
}

}  // namespace core
