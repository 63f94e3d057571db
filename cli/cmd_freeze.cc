// SPDX-License-Identifier: Apache-2.0
// corral freeze, corral thaw: lets no process of jobs run, and lets them run
// again.
#include "cli/connection.h"
#include "cli/handlers.h"
#include "cli/job_json.h"
#include "cli/job_selection.h"
#include "cli/output.h"

namespace cli {
namespace {

int set_frozen(const Arguments& arguments, bool freezes) {
  auto client = connect(which_instance(arguments));
  if (!client) return complain(client.error());
  int code = kSuccess;
  for (const std::string& word : arguments.operands()) {
    const auto jid = select_job(*client, word);
    const core::Answer<void> done =
        jid ? client->freeze(*jid, freezes) : std::unexpected(jid.error());
    if (!done)
      code = complain(done.error());
    else if (arguments.has("json"))
      print(frozen_json(*jid, freezes));
  }
  return code;
}

}  // namespace

int freeze_jobs(const Arguments& arguments) {
  return set_frozen(arguments, true);
}

int thaw_jobs(const Arguments& arguments) {
  return set_frozen(arguments, false);
}

}  // namespace cli
