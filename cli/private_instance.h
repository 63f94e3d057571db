// SPDX-License-Identifier: Apache-2.0
// The private instance of a user: found, or started. Of several commands that
// start one at once exactly one does (a lock in the runtime directory); the
// others find it.
#pragma once

#include "cli/connection.h"
#include "core/error.h"

namespace cli {

/// The instance that answers. It is started if none does: a corral-init with a
/// corrald, in a session of their own, which tell on a pipe when they listen.
/// Errors: what kept it from starting, with its log's path.
[[nodiscard]] core::Answer<Instance> ensure_private_instance();

}  // namespace cli
