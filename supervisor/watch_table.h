// SPDX-License-Identifier: Apache-2.0
// What is watched for aggregate providers, and for whom: jobs, and processes
// by themselves. It has the source of events watch exactly that.
//
// Invariants:
//  - A slot stands for one job, or one set of places, until the source has told
//    everything that it was given for it.
//  - A process within a job within a job is of all of them: the source names
//    the nearest that is watched, for_each_place() finds the others.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/provider_control.h"
#include "supervisor/containers.h"
#include "supervisor/process_source.h"

namespace supervisor {

/// An aggregate of a provider.
struct Place {
  core::ProviderId provider = 0;
  std::uint64_t aggregate = 0;
  friend auto operator<=>(const Place&, const Place&) = default;
};

class WatchTable {
 public:
  using Places = std::set<Place>;
  using Wanted = std::function<core::ProviderEvents(core::ProviderId)>;

  /// `wanted`: the kinds of events that a provider asked for.
  WatchTable(Containers& containers, Wanted wanted)
      : containers_(containers), wanted_(std::move(wanted)) {}

  /// That is open now, or none: everything is put to it.
  void set_source(ProcessSource* source);

  /// False: it was in that place already. refresh_wanted() is to follow where
  /// others may be nested in it.
  bool add(core::JobId jid, const Place& place);
  bool remove(core::JobId jid, const Place& place);
  /// The job has ended.
  void forget(core::JobId jid);
  /// Its container exists now.
  void refresh(core::JobId jid);

  /// A process was moved into the job, or out of it.
  void moved(core::Pid pid, core::JobId jid, bool is_in);

  /// A process that has a place by itself, as its children will. False: it had
  /// it already. Errors: ENOTSUP without a source; E2BIG.
  [[nodiscard]] core::Result<bool> add(core::Pid pid, const Place& place);
  [[nodiscard]] core::Result<bool> remove(core::Pid pid, const Place& place);

  /// The provider is gone.
  void remove_all(core::ProviderId provider);
  /// Different things are wanted, or other jobs are nested.
  void refresh_wanted();

  /// Places of the job and of those that it is nested in, without `until` and
  /// what that one is nested in.
  void for_each_place(
      core::JobId jid, core::JobId until,
      const std::function<void(core::JobId, const Place&)>& call) const;
  [[nodiscard]] const Places& places_of(core::JobId jid) const;
  /// Of a set of places; empty: the slot is a job's, or nothing's.
  [[nodiscard]] const Places& places_of(Slot slot) const;
  /// kNoJob: the slot is no job's.
  [[nodiscard]] core::JobId job_of(Slot slot) const;

 private:
  struct WatchedJob {
    Slot slot = 0;
    std::uint64_t cgroup = 0;
    std::string path;
    core::JobId parent;  ///< that it is nested in; its container forgets it
    Places places;
  };

  /// 0: all are in use.
  [[nodiscard]] Slot new_slot();
  void watch(core::JobId jid, WatchedJob& job);
  void unwatch(WatchedJob& job);
  void drop_if_empty(core::JobId jid);
  [[nodiscard]] core::JobId parent_of(core::JobId jid) const;
  [[nodiscard]] core::ProviderEvents wanted_of(core::JobId jid) const;
  [[nodiscard]] core::ProviderEvents wanted_of(const Places& places) const;
  [[nodiscard]] core::Result<Slot> slot_of_set(const Places& places);
  using Revise = std::function<void(Places&)>;
  [[nodiscard]] core::Result<bool> replace(core::Pid pid, const Revise& revise);

  Containers& containers_;
  Wanted wanted_;
  ProcessSource* source_ = nullptr;
  std::map<core::JobId, WatchedJob> jobs_;
  std::map<Slot, core::JobId> job_slots_;
  std::map<Slot, Places> sets_;
  std::map<Places, Slot> slots_of_sets_;
  Slot next_slot_ = 1;
  std::vector<Slot> free_slots_;
};

}  // namespace supervisor
