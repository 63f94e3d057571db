// SPDX-License-Identifier: Apache-2.0
// What a daemon tells, from words KEY=VALUE (corral accounting record).
#pragma once

#include <span>
#include <string>

#include "core/accounting_control.h"

namespace cli {

/// `words`: the kind, then KEY=VALUE of a workload manager's record, or of the
/// others one word, a file ("-": standard input).
[[nodiscard]] core::Answer<core::DaemonRecord> read_daemon_record(
    std::span<const std::string> words);

/// The keys that there are, for the manual.
[[nodiscard]] std::string daemon_record_keys();

}  // namespace cli
