// SPDX-License-Identifier: Apache-2.0
// A stopped reaper starts nothing and tells no end, while its supervisor
// answers as ever. What needs it is not asked for then: it would be done some
// day, when nobody waits for it any more.
#pragma once

#include <optional>
#include <string>

#include "core/job_control.h"
#include "core/quantity.h"

namespace cli {

/// "the reaper of the instance at 'PATH' (process 12) does not answer: it is
/// stopped; ..." Nothing if it is not stopped, or if we may not know who it is.
[[nodiscard]] std::optional<std::string> silent_reaper(
    const std::string& socket);

/// Waits until it is not stopped, for at most `patience`. Errors: kUnavailable.
[[nodiscard]] core::Answer<void> await_reaper(const std::string& socket,
                                              core::Microseconds patience);

}  // namespace cli
