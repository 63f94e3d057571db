// SPDX-License-Identifier: Apache-2.0
// What an instance is made of, and how the parts are tied together
// (instance.cc, which alone includes this). They are made in the order in which
// they stand here.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/collection.h"
#include "supervisor/host.h"
#include "supervisor/idleness.h"
#include "supervisor/instance.h"
#include "supervisor/jid_source.h"
#include "supervisor/job_files.h"
#include "supervisor/job_reports.h"
#include "supervisor/job_service.h"
#include "supervisor/ledger.h"
#include "supervisor/left_open.h"
#include "supervisor/log.h"
#include "supervisor/past.h"
#include "supervisor/providers.h"
#include "supervisor/shutdown.h"
#include "supervisor/site_rules.h"

namespace supervisor {

class Instance::Parts {
 public:
  Parts(EventLoop& loop, Settings settings, Handlers handlers, Host host,
        Past past);

  void greet_reaper();

  core::JobControl& port() { return service_; }
  std::optional<sys::UniqueFd> take_listener() {
    if (!listener_.is_open()) return std::nullopt;
    return std::move(listener_);
  }
  void keep_listener(sys::UniqueFd listener);
  void hold_lock(int lock) {
    settings_.lock_fd = lock;
    reaper_.hold_lock(lock);
  }
  [[nodiscard]] Ending ending() const { return ending_; }
  [[nodiscard]] core::Result<std::vector<std::string>> revival();

 private:
  void adopt(std::vector<StoreEntry> entries);
  void on_welcome(const reaper::Welcome& welcome);
  void take_over_containers();
  [[nodiscard]] RecorderSite recorder_site() const {
    return {.pacct = settings_.places.pacct,
            .rules = settings_.site.file_rules};
  }
  [[nodiscard]] CollectionSite collection_site() const;
  [[nodiscard]] Providers::Site providers_site();
  void add_count(const core::Job& job, core::JobTotals& totals);
  JidSource::Handlers jid_handlers() {
    return {.reserve =
                [this](std::uint32_t above, JidSource::Answer done) {
                  ledger_.reserve(hid_, above, std::move(done));
                },
            .remember = [this](const auto& block) { remember_jids(block); },
            .remember_free = [this](const auto& free) -> core::Result<void> {
              TRY(service_.remember(encode_item(free)));
              history_.free_jids = free;
              return {};
            }};
  }
  void remember_jids(const JidBlock& block) {
    history_.jids = jids_.block();
    const auto done = service_.remember(encode_item(block));
    if (!done)
      spdlog::error("the jids are not remembered: {}",
                    text_of(done.error().message()));
  }
  void on_signalled(const reaper::SignalSeen& seen);
  void on_reaper_gone();
  void on_new_store(StoreEnds store);
  void put_own();
  void put_again();
  void on_settled();
  void on_ended(core::JobId jid) {
    reports_.forget(jid);
    job_files_.end(jid);
  }
  void compact_if_due();
  void on_reexec();
  void tell_exit_code(std::int32_t code);
  void end(Ending ending);

  EventLoop& loop_;
  Settings settings_;
  Handlers handlers_;
  Host host_;
  std::uint32_t hid_;
  bool is_new_journal_;
  Ending ending_ = Ending::kRestart;
  bool is_ready_ = false;

  std::unique_ptr<StoreLink> store_link_;
  StoreLink& store_;
  sys::UniqueFd listener_;
  sys::UniqueFd hid_lock_;
  History history_;
  Journal journal_;
  JobTable table_;
  KeptHandles handles_;
  Lifetimes lifetimes_;
  ScopeLinks scopes_;
  CgroupContainers containers_;
  NameService names_;
  SiteLimits site_limits_;
  KillService killer_;
  Mover mover_;
  ScopePlaces places_;
  Ledger ledger_;
  JidSource jids_;
  JobService service_;
  JobWatch watch_;
  Recorder recorder_;
  JobFiles job_files_;
  Collection collection_;
  LeftOpen left_open_;
  Inspector inspector_;
  Launcher launcher_;
  Admission admission_;
  Providers providers_;
  SiteRules rules_;
  JobReports reports_;
  ReaperLink reaper_;
  EffectRunner effects_;
  Shutdown shutdown_;
  Idleness idleness_;
};

}  // namespace supervisor
