// SPDX-License-Identifier: Apache-2.0
// Whether a caller lives in a sandbox that this process is not in: a detached
// job would lead out of it.
#pragma once

#include <string>

#include "core/ids.h"

namespace supervisor {

/// What confines the caller and not us ("no_new_privs", "a seccomp filter",
/// "another pid namespace"), or empty. A caller that cannot be read is confined
/// by "a process that cannot be read".
[[nodiscard]] std::string sandbox_of(core::Pid caller);

}  // namespace supervisor
