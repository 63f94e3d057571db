// SPDX-License-Identifier: Apache-2.0
// Labels of csa.conf that look like those of the billing and are none: what was
// meant is then billed by what is usual.
#pragma once

#include <string>

#include "accounting/billing/csa_conf.h"

namespace accounting {

/// A line with its place for each label that begins with P_, NP_ or WKMG_ and
/// that nobody reads; empty: there is none.
[[nodiscard]] std::string told_unknown_labels(const CsaConf& conf);

}  // namespace accounting
