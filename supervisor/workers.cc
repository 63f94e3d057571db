// SPDX-License-Identifier: Apache-2.0
#include "supervisor/workers.h"

#include <string_view>

#include "accounting/scribe.h"
#include "supervisor/ledger.h"
#include "supervisor/log.h"
#include "supervisor/mover.h"
#include "supervisor/names_worker.h"
#include "supervisor/site_limits.h"
#include "supervisor/worker.h"

namespace supervisor {

namespace {

struct NamedWorker {
  std::string_view name;
  int (*run)(const Settings& settings);
};

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr NamedWorker kWorkers[] = {
    {"ledger",
     [](const Settings&) { return run_ledger_worker(kWorkerSocket); }},
    {"mover", [](const Settings&) { return run_mover_worker(kWorkerSocket); }},
    {"names", [](const Settings&) { return run_names_worker(kWorkerSocket); }},
    {"scribe",
     [](const Settings& settings) {
       return accounting::run_scribe(kWorkerSocket, settings.places.pacct);
     }},
    {"site-limits",
     [](const Settings&) { return run_site_limits_worker(kWorkerSocket); }},
};
// NOLINTEND(modernize-use-designated-initializers)

}  // namespace

int run_worker(const Settings& settings) {
  for (const NamedWorker& worker : kWorkers)
    if (worker.name == settings.worker) return worker.run(settings);
  spdlog::error(
      "option '--worker' is '{}', expected 'ledger', 'mover', 'names', "
      "'scribe' or 'site-limits'",
      settings.worker);
  return 2;
}

}  // namespace supervisor
