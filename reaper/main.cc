// SPDX-License-Identifier: Apache-2.0
// corral-init: one static program in several roles, of which the first option
// names one. It has no heap, and after its start nothing can make it fail.
#include "reaper/entrypoint.h"
#include "reaper/options.h"
#include "reaper/reexec.h"
#include "reaper/say.h"
#include "reaper/scope.h"
#include "reaper/store.h"
#include "reaper/units.h"

namespace {

int run_plain_entrypoint(const reaper::Options& options) {
  if (options.command_size == 0) {
    reaper::say("usage: corral-init [--] COMMAND [ARGUMENT...]");
    return 2;
  }
  return reaper::run_entrypoint(options.command);
}

int run_scope(const reaper::Options& options) {
  if (options.command_size == 0) {
    reaper::say("there is no command after '--'");
    return 2;
  }
  return reaper::run_scope(options.scope, options.command);
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
    {reaper::Mode::kUnits, reaper::run_units},
};

}  // namespace

int main(int argc, char** argv) {
  reaper::Options options;
  if (const auto error = reaper::parse_options(argc, argv, options)) {
    reaper::say(error->view());
    return 2;
  }
  for (const ModeRow& row : kModes)
    if (row.mode == options.mode) return row.run(options);
  return 2;
}
