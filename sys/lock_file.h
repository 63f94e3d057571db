// SPDX-License-Identifier: Apache-2.0
// A file that is there to be locked (flock(2)), and a wait for it that ends. A
// runtime directory has two: the instance's, `private.lock`
// (sys/instance_lock.h), and that of who starts a private instance, `lock`
// (cli/private_instance.cc).
#pragma once

#include <string>

#include "core/error.h"
#include "core/quantity.h"
#include "sys/unique_fd.h"

namespace sys {

/// Makes it, 0600, or opens what is there. Errors: those of open(2); what is
/// there is no regular file.
[[nodiscard]] core::Result<UniqueFd> open_lock_file(const std::string& path);

/// Locks the open file `fd`, waiting for at most `patience`. Errors: EADDRINUSE
/// if it is not free then; the subject is `path`.
[[nodiscard]] core::Result<void> lock_within(int fd, const std::string& path,
                                             core::Microseconds patience);

}  // namespace sys
