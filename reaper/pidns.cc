// SPDX-License-Identifier: Apache-2.0
// corral-pidns: one job's own reaper, as corral-init is with --scope or
// --record, whose job is contained by a pid namespace. A program of its own,
// because who copies corral-init into an image has no use for it.
#include <unistd.h>

#include "reaper/options.h"
#include "reaper/own_name.h"
#include "reaper/own_namespace.h"
#include "reaper/pid_namespace.h"
#include "reaper/say.h"
#include "reaper/scope.h"

const char* const reaper::kOwnName = reaper::kNamespaceName;
const bool reaper::kMakesNamespaces = true;
const bool reaper::kIsOfInstance = false;

namespace {

/// What keeps a process of the job alive has no meaning here: at the init's
/// end the kernel kills them.
const char* fault_of(const reaper::Options& options) {
  if (options.mode != reaper::Mode::kScope || options.command_size == 0)
    return "corral-pidns is started by 'corral run --engine pidns'";
  if (options.entry.leaves)
    return "option '--stragglers' is 'leave', which the engine pidns cannot";
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  reaper::Options options;
  if (const auto error = reaper::parse_options(argc, argv, environ, options)) {
    reaper::say(error->view());
    return 2;
  }
  if (const char* const fault = fault_of(options)) {
    reaper::say(fault);
    return 2;
  }
  reaper::PidNamespace own;
  reaper::own_namespace = &own;
  reaper::Scope scope(options.scope, options.entry, options.command);
  ::_exit(scope.run());
}
