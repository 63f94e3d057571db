// SPDX-License-Identifier: Apache-2.0
// By what the units of a batch request's processes are multiplied: the weight
// of its queue times that of its machine, or 0 where its way to end is free.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accounting/billing/csa_conf.h"
#include "accounting/csa_layout.h"
#include "accounting/text/console.h"

namespace accounting {

struct RequestWeights {
  std::vector<std::pair<std::string, double>> queues;
  std::vector<std::pair<std::string, double>> machines;
  /// By term_subtype 1 to 5: exit, requeue, hold, rerun, migrate.
  std::array<bool, 6> is_billed = {};

  /// Of a consolidated record; 1 for names that are not listed.
  [[nodiscard]] double weight_of(const csa::Workload& record) const;
};

/// Reads WKMG_*. Gives up in the published words.
Outcome<RequestWeights> read_request_weights(CsaConf& conf);

}  // namespace accounting
