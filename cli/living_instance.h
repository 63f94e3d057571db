// SPDX-License-Identifier: Apache-2.0
// An instance that lives but does not listen: its supervisor was lost together
// with the store that kept its socket, or it is about to end. Whoever started
// another one beside it would have every job twice.
#pragma once

#include <optional>

#include "cli/connection.h"
#include "core/quantity.h"

namespace cli {

/// The instance that answers. Where one lives, by its lock, and does not, it is
/// waited for until it answers or is gone. Nothing: none lives. Errors:
/// kUnavailable, naming its process, when `patience` is over.
[[nodiscard]] core::Answer<std::optional<Instance>> await_living(
    Which which, core::Microseconds patience);

}  // namespace cli
