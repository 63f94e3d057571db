// SPDX-License-Identifier: Apache-2.0
// Who somebody is to the site's limits (core/limit_rules.h): a user's name and
// those of his groups.
#pragma once

#include <string>

#include "core/limit_rules.h"
#include "core/try.h"
#include "sys/users.h"

namespace sys {

/// Without a domain. A number that has no entry is its own name and
/// in no group. Errors: what a name service that failed has said.
[[nodiscard]] inline core::Result<core::LimitSubject> limit_subject(
    const User& user) {
  core::LimitSubject subject;
  subject.user = user.name.empty() ? std::to_string(user.uid.raw()) : user.name;
  subject.groups = TRY(group_names(user.groups));
  return subject;
}

}  // namespace sys
