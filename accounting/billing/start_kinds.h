// SPDX-License-Identifier: Apache-2.0
// What csa.conf says is to be on: its labels CSA_START, WKMG_START, MEM_START,
// IO_START, DELAY_START ("on" or "off"), MEMT_START and TIME_START ("on" and a
// threshold: KB, seconds).
#pragma once

#include <string>

#include "accounting/billing/csa_conf.h"
#include "core/record_switches.h"

namespace accounting {

struct StartKinds {
  core::RecordSwitches switches = {.kinds = 0};
  bool has_labels = false;  ///< false: it says nothing of them
  std::string faults;       ///< whole lines: values that are none
};

[[nodiscard]] StartKinds read_start_kinds(CsaConf& conf);

/// What is on where nobody turned anything: what the file says, if it is there
/// and names any; else what is usual. What it says that cannot be is added to
/// `faults`, in whole lines.
[[nodiscard]] core::RecordSwitches usual_switches(CsaConf& conf,
                                                  std::string& faults);

}  // namespace accounting
