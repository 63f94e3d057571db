// SPDX-License-Identifier: Apache-2.0
// How reports bill: units of processes, and what a batch request's job is
// weighed by.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "accounting/csa_group.h"
#include "accounting/request_runs.h"

namespace accounting {

/// How processes are billed. A job whose processes are not all known, each for
/// itself, has no units.
struct UseBilling {
  std::function<std::optional<double>(const Group&)> units;  ///< of a process
  /// By what a consolidated record of a batch request's run multiplies those of
  /// its job.
  std::function<double(const csa::Workload&)> weight;
};

/// The factors of jobs, once all files are read.
class JobWeights {
 public:
  void add(const csa::Workload& record) { runs_.add(record, {}); }
  /// As csacon, which takes the first record of a job with its jid.
  void settle(const UseBilling& billing) {
    const auto weigh = [&](const std::vector<RequestRun>& runs) {
      for (const RequestRun& run : runs)
        weights_.try_emplace(run.record.jid, billing.weight(run.record));
    };
    for (const BatchRequest& request : runs_.requests()) {
      weigh(request.runs);
      weigh(request.spools);
    }
  }
  [[nodiscard]] double of(std::uint64_t jid) const {
    const auto found = weights_.find(jid);
    return found == weights_.end() ? 1 : found->second;
  }

 private:
  RequestRuns runs_;
  std::unordered_map<std::uint64_t, double> weights_;  ///< by jid
};

}  // namespace accounting
