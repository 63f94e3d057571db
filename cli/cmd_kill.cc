// SPDX-License-Identifier: Apache-2.0
// corral kill: ends jobs by their kill plans, or sends them one signal.
#include "cli/connection.h"
#include "cli/handlers.h"
#include "cli/job_selection.h"
#include "cli/output.h"
#include "cli/value_types.h"
#include "sys/urgency.h"

namespace cli {
namespace {

core::Answer<void> send_signal(bus::Client& client, core::JobId jid,
                               const Arguments& arguments) {
  return client.signal(jid, *parse_signal(*arguments.value("signal")),
                       arguments.has("main") ? core::SignalTarget::kMain
                                             : core::SignalTarget::kAll);
}

core::Answer<void> end_job(bus::Client& client, core::JobId jid,
                           const Arguments& arguments) {
  core::KillPlanChange change;
  if (const auto grace = arguments.value("grace"))
    change.grace = *parse_duration(*grace);
  return client.end(jid, change);
}

}  // namespace

int kill_jobs(const Arguments& arguments) {
  sys::become_urgent();  // the job may leave no processor to us
  auto client = connect(which_instance(arguments));
  if (!client) return complain(client.error());
  const bool is_signal = arguments.has("signal");
  int code = kSuccess;
  std::vector<core::JobId> ending;
  // All are asked before any is waited for: their graces run side by side.
  for (const std::string& word : arguments.operands()) {
    const auto jid = select_job(*client, word);
    core::Answer<void> done;
    if (!jid)
      done = std::unexpected(jid.error());
    else if (is_signal)
      done = send_signal(*client, *jid, arguments);
    else
      done = end_job(*client, *jid, arguments);
    if (!done)
      code = complain(done.error());
    else if (!is_signal && !arguments.has("no-wait"))
      ending.push_back(*jid);
  }
  for (const core::JobId jid : ending)
    if (const auto ended = client->wait(jid); !ended)
      code = complain(ended.error());
  return code;
}

}  // namespace cli
