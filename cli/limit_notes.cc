// SPDX-License-Identifier: Apache-2.0
#include "cli/limit_notes.h"

#include <string>

#include "cli/output.h"

namespace cli {

void tell_not_held(bus::Client& client, core::JobId jid) {
  const auto job = client.show(jid);
  if (!job) return;  // it is gone, and nothing is held any more
  for (const std::string& sentence : job->not_held)
    complain(core::job_text(jid) + ": " + sentence);
}

}  // namespace cli
