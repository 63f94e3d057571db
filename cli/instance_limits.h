// SPDX-License-Identifier: Apache-2.0
// Resource limits of a private instance: it is started by some shell, whose
// limits would be those of all the user's jobs to come. Each job brings its own
// with it; the instance takes as much as the kernel lets it.
#pragma once

#include <optional>
#include <string>

namespace cli {

/// A sentence about the first of this process's hard limits that an instance
/// could not live with, and about the fix; nothing if there is none.
[[nodiscard]] std::optional<std::string> find_low_limit();

/// Raises the soft limits that concern an instance to the hard ones
/// (setrlimit(2)). Async-signal-safe.
void raise_limits();

}  // namespace cli
