// SPDX-License-Identifier: Apache-2.0
// corral daemon-reexec: restarts an instance in place, and returns when it
// answers again.
#include "cli/connection.h"
#include "cli/handlers.h"
#include "cli/output.h"
#include "cli/silent_reaper.h"

namespace cli {

int reexec_daemon(const Arguments& arguments) {
  const Which which = which_instance(arguments);
  auto client = connect(which);
  if (!client) return complain(client.error());
  // The supervisor would end for a reaper that does not start the next.
  if (const auto instance = find_running(which))
    if (const auto done = await_reaper(instance->socket, first_answer_within());
        !done)
      return complain(done.error());
  if (const auto done = client->reexec(); !done) return complain(done.error());
  if (const auto instance = client->instance(); !instance)
    return complain(instance.error());
  return kSuccess;
}

}  // namespace cli
