// SPDX-License-Identifier: Apache-2.0
// Which sources of processes' events an instance can try, the best first.
#pragma once

#include <optional>

#include "supervisor/providers.h"

namespace supervisor {

/// `asked`: the only one; absent: all.
[[nodiscard]] Providers::Sources provider_sources(
    EventLoop& loop, ProcessSink& sink, std::optional<core::EventSource> asked);

}  // namespace supervisor
