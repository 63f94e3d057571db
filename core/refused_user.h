// SPDX-License-Identifier: Apache-2.0
// The one sentence about a user that is not found, with an instance and without
// one.
#pragma once

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include "core/refusal.h"

namespace core {

/// `code` is an errno of sys::find_user(); ESRCH: there is no such user.
inline Refused refused_user(int code, std::string_view word) {
  const std::string user = "user '" + std::string(word) + "'";
  if (code == ESRCH)
    return {.why = Refusal::kNoSuchUser,
            .text = "there is no " + user +
                    "; 'getent passwd' lists those that there are"};
  return {.why = Refusal::kUnavailable,
          .text = "cannot look up " + user + ": " + std::strerror(code)};
}

}  // namespace core
