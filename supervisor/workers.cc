// SPDX-License-Identifier: Apache-2.0
#include "supervisor/workers.h"

#include <expected>
#include <string>
#include <string_view>

#include "accounting/billing/start_kinds.h"
#include "accounting/job_file.h"
#include "accounting/scribe.h"
#include "supervisor/ledger.h"
#include "supervisor/log.h"
#include "supervisor/mover.h"
#include "supervisor/names_worker.h"
#include "supervisor/site_limits.h"
#include "supervisor/worker.h"
#include "units/csa_settings.h"

namespace supervisor {

namespace {

std::expected<std::string, std::string> translate(std::string_view text,
                                                  const std::string& path) {
  auto published = units::csa_conf_of_toml(text, path);
  if (published) return *std::move(published);
  std::string faults;
  for (const std::string& fault : published.error())
    faults += fault + "\n";
  return std::unexpected(faults);
}

/// csa.conf is the machine's: a user's own instance does not ask it.
core::RecordSwitches usual_of(const Settings& settings) {
  if (settings.places.kind != sys::InstanceKind::kSystem) return {};
  accounting::set_conf_translator(translate);
  accounting::CsaConf conf;
  std::string faults;
  const core::RecordSwitches usual = accounting::usual_switches(conf, faults);
  if (faults.ends_with('\n')) faults.pop_back();
  if (!faults.empty()) spdlog::warn("{}", faults);
  return usual;
}

struct NamedWorker {
  std::string_view name;
  int (*run)(const Settings& settings);
};

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr NamedWorker kWorkers[] = {
    {"job-file",
     [](const Settings&) { return accounting::run_job_file(kWorkerSocket); }},
    {"ledger",
     [](const Settings&) { return run_ledger_worker(kWorkerSocket); }},
    {"mover", [](const Settings&) { return run_mover_worker(kWorkerSocket); }},
    {"names", [](const Settings&) { return run_names_worker(kWorkerSocket); }},
    {"scribe",
     [](const Settings& settings) {
       return accounting::run_scribe(kWorkerSocket, settings.places.pacct,
                                     {.usual = usual_of(settings)});
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
      "option '--worker' is '{}', expected 'job-file', 'ledger', 'mover', "
      "'names', "
      "'scribe' or 'site-limits'",
      settings.worker);
  return 2;
}

}  // namespace supervisor
