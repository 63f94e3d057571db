// SPDX-License-Identifier: Apache-2.0
// How reports bill: units of processes, and what a batch request's job is
// weighed by.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include "accounting/csa_group.h"

namespace accounting {

/// How processes are billed. A job whose processes are not all known, each for
/// itself, has no units.
struct UseBilling {
  std::function<std::optional<double>(const Group&)> units;  ///< of a process
  /// By what a batch request's last record multiplies its job's.
  std::function<double(const csa::Workload&)> weight;
};

/// The factors of jobs, once all files are read.
class JobWeights {
 public:
  void add(const csa::Workload& record) {
    if (record.type == csa::kWorkloadTerm)
      requests_[{record.reqid, record.arrayid}] = record;
  }
  /// As csabuild has it: of a request with several runs the last one is
  /// weighed.
  void settle(const UseBilling& billing) {
    for (const auto& [request, last] : requests_)
      weights_[last.jid] = billing.weight(last);
  }
  [[nodiscard]] double of(std::uint64_t jid) const {
    const auto found = weights_.find(jid);
    return found == weights_.end() ? 1 : found->second;
  }

 private:
  std::map<std::pair<std::int64_t, std::int32_t>, csa::Workload> requests_;
  std::unordered_map<std::uint64_t, double> weights_;  ///< by jid
};

}  // namespace accounting
