// SPDX-License-Identifier: Apache-2.0
// What the reaper and the scopes report, as events; and the acknowledgements
// that let them forget.
//
// Invariants:
//  - A record that was reported before (a reporter repeats what is not
//    acknowledged) is dropped by its sequence number.
//  - acknowledge() is called when the journal has every event posted so far:
//    only then is anything acknowledged.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>

#include "supervisor/event_loop.h"
#include "supervisor/event_sink.h"
#include "supervisor/inspector.h"
#include "supervisor/job_table.h"
#include "supervisor/kept_handles.h"
#include "supervisor/reaper_link.h"
#include "supervisor/scope_link.h"
#include "supervisor/scope_places.h"
#include "supervisor/service_items.h"

namespace supervisor {

class JobReports final : public ReaperEvents, public ScopeEvents {
 public:
  /// What concerns the whole instance goes to whoever runs it.
  struct Handlers {
    std::function<void(const reaper::Welcome&)> on_welcome;
    std::function<void(const reaper::SignalSeen&)> on_signalled;
    std::function<void(const reaper::Refused&)> on_reexec_refused;
    std::function<void()> on_reaper_gone;
    std::function<void(StoreEnds)> on_new_store;
    /// A process ended of a job that nobody knows.
    std::function<void(core::JobId)> on_stray;
    /// A caller who lost us may still come back for this job's link.
    std::function<bool(core::JobId)> is_caller_awaited;
  };

  struct Parts {
    const JobTable& table;
    EventSink& sink;
    KeptHandles& handles;
    ScopeLinks& scopes;
    ScopePlaces& places;
    StoreLink& store;
    Inspector& inspector;
    EventLoop& loop;
    std::uint32_t hid;
  };

  JobReports(const Parts& parts, Handlers handlers)
      : parts_(parts), handlers_(std::move(handlers)) {}

  void set_reaper(ReaperLink& reaper) { reaper_ = &reaper; }
  /// What the journal tells of earlier reports.
  void resume_from(std::uint64_t last_exit,
                   const std::map<core::JobId, std::uint64_t>& scope_exits);
  [[nodiscard]] std::uint64_t last_exit() const { return seen_; }
  /// The reaper counts anew: another one, which has not the old one's ring.
  void forget_reaper() { seen_ = acknowledged_ = 0; }

  /// The journal has everything that was posted.
  void acknowledge();
  void forget(core::JobId jid);

  void on_welcome(const reaper::Welcome& welcome) override;
  void on_launched(const reaper::Launched& launched,
                   sys::UniqueFd pidfd) override;
  void on_reaper_exit(const core::ExitRecord& record) override;
  void on_reaper_batch_end() override { parts_.sink.settle(); }
  void on_new_store(StoreEnds store) override;
  void on_reaper_signalled(const reaper::SignalSeen& seen) override;
  void on_reexec_refused(const reaper::Refused& refused) override;
  void on_barrier(std::uint64_t number) override;
  void on_reaper_gone() override;

  void on_scope_launched(core::JobId jid, const reaper::ScopeLaunched& launched,
                         sys::UniqueFd pidfd) override;
  void on_scope_failed(core::JobId jid,
                       const reaper::Launched& failed) override;
  void on_scope_exit(core::JobId jid, const core::ExitRecord& record) override;
  void on_scope_batch_end(core::JobId /*jid*/) override {
    parts_.sink.settle();
  }
  void on_scope_stopped(core::JobId jid,
                        const reaper::Stopped& stopped) override;
  void on_scope_populated(core::JobId jid,
                          const reaper::Populated& populated) override;
  void on_scope_gone(core::JobId jid) override;

 private:
  struct ScopeSequence {
    std::uint64_t seen = 0;
    std::uint64_t acknowledged = 0;
  };
  /// Its scope runs: the command gets as long as one without a scope.
  void await_scope(core::JobId jid);
  void on_placed_launched(core::JobId jid, core::Pid told);
  void post_failure(const core::Job& job, const reaper::Launched& failed);

  Parts parts_;
  Handlers handlers_;
  ReaperLink* reaper_ = nullptr;
  std::uint64_t seen_ = 0;  ///< sequence of the reaper's records
  std::uint64_t acknowledged_ = 0;
  std::map<core::JobId, ScopeSequence> scopes_seen_;
  std::set<core::JobId> scopes_due_;    ///< whose records to acknowledge
  std::set<core::JobId> launches_due_;  ///< whose orders to acknowledge
  std::map<core::JobId, Timer> scope_patience_;  ///< until it launched
};

}  // namespace supervisor
