// SPDX-License-Identifier: Apache-2.0
// corral-reaper: what keeps an instance. It spawns what the supervisor orders
// and waits for everybody, or keeps the supervisor's descriptors, or kills for
// it. It has no heap, and after its start nothing can make it fail.
// `corral-init --supervise` and the like become it.
#include "reaper/instance_options.h"
#include "reaper/killer.h"
#include "reaper/own_name.h"
#include "reaper/reexec.h"
#include "reaper/say.h"
#include "reaper/store.h"
#include "reaper/units.h"

const char* const reaper::kOwnName = reaper::kReaperName;
const bool reaper::kMakesNamespaces = false;
const bool reaper::kIsOfInstance = true;

namespace {

struct RoleRow {
  reaper::Role role;
  int (*run)(const reaper::InstanceOptions& options);
};

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr RoleRow kRoles[] = {
    {reaper::Role::kSupervise, reaper::run_supervise},
    {reaper::Role::kUnits, reaper::run_units},
    {reaper::Role::kStore, reaper::run_store},
    {reaper::Role::kCheckState, reaper::run_check_state},
    {reaper::Role::kKiller, reaper::run_killer},
};
// NOLINTEND(modernize-use-designated-initializers)

}  // namespace

int main(int argc, char** argv) {
  reaper::InstanceOptions options;
  if (const auto error = reaper::parse_options(argc, argv, options)) {
    reaper::say(error->view());
    return 2;
  }
  for (const RoleRow& row : kRoles)
    if (row.role == options.role) return row.run(options);
  reaper::say("corral-reaper is started by 'corral-init --supervise'");
  return 2;
}
