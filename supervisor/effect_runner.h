// SPDX-License-Identifier: Apache-2.0
// From effects to deeds. Each deed may be asked again after a crash and is then
// harmless: a container is made once, an order has one number, a record one
// key, a signal of the kill plan may come twice.
//
// Announce, and the Launch of a foreground job, concern those who asked and are
// JobService's own.
#pragma once

#include <cstdint>
#include <map>

#include "core/job_event.h"
#include "core/job_machine.h"
#include "supervisor/collection.h"
#include "supervisor/containers.h"
#include "supervisor/event_sink.h"
#include "supervisor/followers.h"
#include "supervisor/inspector.h"
#include "supervisor/job_watch.h"
#include "supervisor/kept_handles.h"
#include "supervisor/kill_service.h"
#include "supervisor/launcher.h"
#include "supervisor/mover.h"
#include "supervisor/reaper_link.h"
#include "supervisor/recorder.h"
#include "supervisor/scope_link.h"
#include "supervisor/scope_places.h"

namespace supervisor {

/// Where JobService sends effects.
class EffectSink {
 public:
  virtual ~EffectSink() = default;
  /// Does what `effect` asks for `job`, which is what it has become; `entry` is
  /// the number of the journal entry that caused it.
  virtual void run(const core::Job& job, const core::Effect& effect,
                   std::uint64_t entry) = 0;
  /// The job has ended: lets go of everything that was held for it.
  virtual void release(const core::Job& job) = 0;
};

class EffectRunner final : public EffectSink {
 public:
  /// All borrowed.
  struct Parts {
    EventLoop& loop;
    EventSink& sink;
    Containers& containers;
    KeptHandles& handles;
    ScopeLinks& scopes;
    JobWatch& watch;
    Inspector& inspector;
    Launcher& launcher;
    ReaperLink& reaper;
    Recorder& recorder;
    KillService& killer;
    Collection& collection;
    Mover& mover;
    ScopePlaces& places;
  };
  explicit EffectRunner(const Parts& parts)
      : parts_(parts),
        followers_(parts.loop, parts.sink, parts.collection, parts.containers) {
  }

  void run(const core::Job& job, const core::Effect& effect,
           std::uint64_t entry) override;
  void release(const core::Job& job) override;
  /// Memory ran out in the job or above it; false: nobody of it was killed yet.
  bool note_memory(core::JobId jid);
  /// The job's memory came near to its soft bound.
  void note_soft_memory(core::JobId jid);

 private:
  struct Doer;
  void make_container(const core::Job& job);
  void enrol(const core::Job& job);
  [[nodiscard]] core::Result<void> hold(const core::Job& job);
  void hold_limits(const core::Job& job);
  void watch_soft_memory(core::JobId jid, std::uint64_t soft);
  void read_cpu(const core::Job& job);
  void launch(const core::Job& job);
  void signal(const core::Job& job, const core::effect::Signal& asked);
  void signal_here(const core::Job& job, core::SignalNumber signal,
                   core::SignalTarget target);
  void wake_scope(const core::Job& job) const;
  void signal_contained(const core::Job& job,
                        const core::effect::Signal& asked);
  void signal_by_worker(core::JobId jid, const core::effect::Signal& asked);
  void signal_main(core::JobId jid, core::SignalNumber signal) const;
  void freeze(core::JobId jid, bool freezes);
  enum class KillHow : char { kPlain, kFrozen };
  void kill(const core::Job& job, KillHow how);
  void kill_contained(const core::Job& job, KillHow how);
  void remove_container(core::JobId jid, core::Engine engine);
  void try_removal_again(core::JobId jid, core::Engine engine);
  void let_out(core::JobId jid);
  void watch_main(const core::Job& job);

  Parts parts_;
  Followers followers_;
  /// Containers that would not go yet.
  struct Removal {
    Timer timer;
    unsigned tries = 0;
  };
  std::map<core::JobId, Removal> removals_;
};

}  // namespace supervisor
