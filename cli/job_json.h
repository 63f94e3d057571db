// SPDX-License-Identifier: Apache-2.0
// Jobs as JSON: stable keys, every key always there, null for what is not
// known. The keys are documented in the command table; a fact that the report
// (core/job_report_json.h) or a record (accounting/records_text.cc) has too has
// the same name there.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/process_facts.h"
#include "core/job_control.h"

namespace cli {

struct JobWithProcesses {
  core::JobView job;
  std::optional<std::vector<core::ProcessView>> processes;
};

/// One object on one line.
[[nodiscard]] std::string job_json(const core::JobView& job);
/// Likewise, with `process`, one of its members.
[[nodiscard]] std::string process_json(const core::JobView& job,
                                       const ProcessFacts& process);
/// One array on one line.
[[nodiscard]] std::string jobs_json(const std::vector<core::JobView>& jobs);
/// Likewise, with how many processes live in each, in the same order.
[[nodiscard]] std::string counted_json(
    const std::vector<core::JobView>& jobs,
    const std::vector<std::optional<std::size_t>>& counts);
[[nodiscard]] std::string trees_json(const std::vector<JobWithProcesses>& jobs);
/// A detached job that was made, as one object on one line.
[[nodiscard]] std::string created_json(core::JobId jid, std::string_view name,
                                       std::string_view instance);

/// What corral kill did. `signal`: absent: it was told to end by its kill plan;
/// `is_ended`: absent: it was not waited for.
[[nodiscard]] std::string killed_json(core::JobId jid,
                                      std::optional<core::SignalNumber> signal,
                                      std::optional<bool> is_ended);
/// What corral freeze and thaw did.
[[nodiscard]] std::string frozen_json(core::JobId jid, bool is_frozen);
/// What corral attach and detach did.
[[nodiscard]] std::string attached_json(core::JobId jid,
                                        const std::vector<core::Pid>& pids);
[[nodiscard]] std::string opened_json(const core::OpenedSession& opened);
/// What corral detach --job did.
[[nodiscard]] std::string detached_json(core::JobId jid, std::uint32_t count);

}  // namespace cli
