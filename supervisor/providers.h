// SPDX-License-Identifier: Apache-2.0
// The registered aggregate providers: who they are, what they are told
// (docs/PROVIDERS.md).
//
// Invariants:
//  - With no provider registered it does nothing: no source of events is open,
//    and the service of jobs tells it nothing.
//  - A source of processes' events is open while a provider is registered that
//    asks for them.
//  - What happened to a process and what happened to its job are told in the
//    order in which they happened.
//  - Telling takes at most a twentieth of the time, in turns; a provider that
//    does not read loses events, and nobody waits for it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/provider_control.h"
#include "supervisor/event_loop.h"
#include "supervisor/job_table.h"
#include "supervisor/process_source.h"
#include "supervisor/provider_outlet.h"
#include "supervisor/watch_table.h"

namespace supervisor {

struct ProviderBounds {
  std::size_t registrations = 256;
  /// Of one user; root and the instance's own are not bounded by it.
  std::size_t registrations_of_user = 16;
  /// Attached by themselves while a source is open, by one user, likewise: each
  /// may take a slot for as long.
  std::size_t processes_of_user = 1024;
  OutletBounds outlet;
  /// Registrations told before others have their turn.
  unsigned turn = 16;
  /// The part of the time that telling may take is one of so many.
  unsigned share = 20;
};

class Providers final : public core::ProviderControl, private ProcessSink {
 public:
  using May = std::function<bool(const core::Caller&, core::Verb, core::Uid)>;
  /// Told whether on_job_event() is to be called from now on.
  using Listens = std::function<void(bool)>;
  /// In the order in which they are tried.
  using Sources = std::vector<std::unique_ptr<ProcessSource>>;

  struct Site {
    EventLoop& loop;
    const JobTable& table;
    Containers& containers;
    May may;
    Listens listens;
    core::AuthorityRules rules;
    std::string obstacle;  ///< no source is tried, for this reason
  };

  explicit Providers(Site site, const ProviderBounds& bounds = {});
  ~Providers() override;

  /// Its sources tell it; before any registration.
  void set_sources(Sources sources) { sources_ = std::move(sources); }
  [[nodiscard]] ProcessSink& sink() { return *this; }
  void set_rules(const core::AuthorityRules& rules) { site_.rules = rules; }

  /// The event is in the journal and believed: `job` is as it is after it.
  void on_job_event(const core::Job& job, const core::JobEvent& event,
                    core::JobState before);

  // core::ProviderControl
  void register_provider(const core::Caller& caller,
                         core::ProviderRequest request,
                         RegisterDone done) override;
  void end_registration(core::ProviderId id) override;
  [[nodiscard]] bool is_registered(core::ProviderId id) const override {
    return registrations_.contains(id);
  }
  core::Answer<void> unregister(const core::Caller& caller,
                                std::string_view name) override;
  core::Answer<void> attach(const core::Caller& caller, std::string_view name,
                            std::uint64_t aggregate,
                            core::AggregateMember member) override;
  core::Answer<void> detach(const core::Caller& caller, std::string_view name,
                            std::uint64_t aggregate,
                            core::AggregateMember member) override;
  std::vector<core::ProviderView> list(const core::Caller& caller) override;

 private:
  struct Registration {
    core::Caller caller;
    core::ProviderRequest request;
    ProviderOutlet outlet;
    std::uint64_t number = 0;  ///< of the last event
  };
  struct Waiting {
    core::Caller caller;
    core::ProviderRequest request;
    RegisterDone done;
  };
  enum class SourceState : std::uint8_t { kClosed, kOpening, kOpen, kNone };

  // Registrations: providers.cc.
  [[nodiscard]] core::Answer<void> check_request(
      const core::Caller& caller, const core::ProviderRequest& request) const;
  void finish(Waiting waiting);
  [[nodiscard]] core::Answer<core::ProviderId> find(const core::Caller& caller,
                                                    std::string_view name);
  void open_source(std::size_t index);
  void settle_source(SourceState state, std::string why);
  void close_source_soon();
  [[nodiscard]] bool is_source_needed() const;
  [[nodiscard]] bool is_covered(const core::Job& job) const;
  [[nodiscard]] ProcessSource* source() const {
    return state_ == SourceState::kOpen ? sources_[index_].get() : nullptr;
  }
  void arrange();
  void take_turn();
  void end_round();
  void on_ready(core::ProviderId id);

  // What they are told, and their aggregates: provider_events.cc.
  void on_news(const ProcessNews& news) override;
  void on_lost(Slot slot, core::ProviderEventKind kind,
               std::uint64_t count) override;
  void on_lost_of_all(std::uint64_t count) override;
  void tell(const Place& place, const core::ProviderEvent& event);
  void tell_of(core::JobId jid, core::JobId until,
               const core::ProviderEvent& event);
  void tell_state(const core::Job& job);
  void tell_job(const Place& place, const core::Job& job);
  void lose(core::ProviderId provider, core::ProviderEventKind kind,
            std::uint64_t count);
  void in_order(std::function<void()> call);
  void follow_new(const core::Job& job);
  [[nodiscard]] core::Answer<void> check_room(const core::Caller& caller) const;
  [[nodiscard]] core::Answer<const core::Job*> find_job(
      const core::Caller& caller, core::JobId jid) const;
  [[nodiscard]] core::Answer<void> attach_job(const core::Caller& caller,
                                              const Place& place,
                                              core::JobId jid);
  [[nodiscard]] core::Answer<void> attach_process(const core::Caller& caller,
                                                  const Place& place,
                                                  core::ProcessRef process);
  [[nodiscard]] core::Answer<void> detach_process(const core::Caller& caller,
                                                  const Place& place,
                                                  core::ProcessRef process);

  Site site_;
  ProviderBounds bounds_;
  WatchTable watched_;
  Sources sources_;
  std::size_t index_ = 0;  ///< of the source that is open, or is tried
  SourceState state_ = SourceState::kClosed;
  std::string why_;  ///< the source is no better
  std::vector<Waiting> waiting_;
  std::map<core::ProviderId, Registration> registrations_;
  std::map<core::Uid, std::size_t> attached_;  ///< while the source is open
  core::ProviderId last_id_ = 0;
  Timer round_;
  bool is_arranged_ = false;
  core::ProviderId told_ = 0;  ///< the last of this round
  core::Microseconds spent_;   ///< by this round
  core::BootTime next_round_;  ///< not before
  std::shared_ptr<Providers*> self_;
};

}  // namespace supervisor
