// SPDX-License-Identifier: Apache-2.0
// corral-init: one static program in several roles, of which the first option
// names one; called by a peer's name it is that peer. It has no heap, and after
// its start nothing can make it fail.
#include <unistd.h>

#include "reaper/compat/dispatch.h"
#include "reaper/entrypoint.h"
#include "reaper/health.h"
#include "reaper/help.h"
#include "reaper/options.h"
#include "reaper/reexec.h"
#include "reaper/say.h"
#include "reaper/scope.h"
#include "reaper/store.h"
#include "reaper/units.h"

namespace {

int run_plain_entrypoint(const reaper::Options& options) {
  if (options.command_size == 0) {
    reaper::say(reaper::kUsage);
    return 2;
  }
  reaper::Entrypoint entrypoint(options.entry, options.scope, options.command);
  return entrypoint.run();
}

int run_scope(const reaper::Options& options) {
  if (options.command_size == 0) {
    reaper::say("there is no command after '--'");
    return 2;
  }
  return reaper::run_scope(options.scope, options.entry, options.command);
}

int run_help(const reaper::Options&) {
  return reaper::print_help();
}

int run_version(const reaper::Options&) {
  return reaper::print_version();
}

struct ModeRow {
  reaper::Mode mode;
  int (*run)(const reaper::Options& options);
};

constexpr ModeRow kModes[] = {
    {reaper::Mode::kEntrypoint, run_plain_entrypoint},
    {reaper::Mode::kSupervise, reaper::run_supervise},
    {reaper::Mode::kStore, reaper::run_store},
    {reaper::Mode::kCheckState, reaper::run_check_state},
    {reaper::Mode::kScope, run_scope},
    {reaper::Mode::kHealth, reaper::run_health},
    {reaper::Mode::kHelp, run_help},
    {reaper::Mode::kVersion, run_version},
    {reaper::Mode::kUnits, reaper::run_units},
};

}  // namespace

int main(int argc, char** argv) {
  if (const auto* const peer = reaper::compat::peer_called(argv[0]))
    return reaper::compat::run(*peer, argc, argv);
  reaper::Options options;
  if (const auto error = reaper::parse_options(argc, argv, environ, options)) {
    reaper::say(error->view());
    return 2;
  }
  for (const ModeRow& row : kModes)
    if (row.mode == options.mode) return row.run(options);
  return 2;
}
