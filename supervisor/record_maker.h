// SPDX-License-Identifier: Apache-2.0
// The records that events cause, ready to be written. The same for an event
// that happens and for one that is replayed.
#pragma once

#include <cstdint>
#include <optional>

#include "core/job_event.h"
#include "core/job_machine.h"
#include "supervisor/service_items.h"

namespace supervisor {

/// The record that `effect` of `job` asks for, if it asks for one. `instance`
/// is the journal's epoch, `key` the number of the entry that caused it.
[[nodiscard]] std::optional<PendingRecord> make_record(
    std::uint64_t instance, std::uint64_t key, const core::Job& job,
    const core::Effect& effect);

}  // namespace supervisor
