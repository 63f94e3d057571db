// SPDX-License-Identifier: Apache-2.0
// corral daemon-reexec: restarts an instance in place, and returns when it
// answers again.
#include "cli/connection.h"
#include "cli/handlers.h"
#include "cli/output.h"

namespace cli {

int reexec_daemon(const Arguments& arguments) {
  auto client = connect(which_instance(arguments));
  if (!client) return complain(client.error());
  if (const auto done = client->reexec(); !done) return complain(done.error());
  if (const auto instance = client->instance(); !instance)
    return complain(instance.error());
  return kSuccess;
}

}  // namespace cli
