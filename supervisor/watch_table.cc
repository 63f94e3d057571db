// SPDX-License-Identifier: Apache-2.0
#include "supervisor/watch_table.h"

#include <cerrno>

#include "supervisor/log.h"
#include "sys/kernel_events.h"

namespace supervisor {

namespace {

const WatchTable::Places kNowhere;

}  // namespace

void WatchTable::set_source(ProcessSource* source) {
  source_ = source;
  next_slot_ = 1;
  free_slots_.clear();
  job_slots_.clear();
  sets_.clear();
  slots_of_sets_.clear();
  for (auto& [jid, job] : jobs_) {
    job.slot = 0;
    watch(jid, job);
  }
}

Slot WatchTable::new_slot() {
  if (!free_slots_.empty()) {
    const Slot slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
  }
  return next_slot_ < CORRAL_MOST_SLOTS ? next_slot_++ : 0;
}

/// As soon as it has a cgroup.
void WatchTable::watch(core::JobId jid, WatchedJob& job) {
  job.parent = containers_.parent(jid);
  if (source_ == nullptr || job.slot != 0) return;
  const auto id = containers_.id(jid);
  if (!id) return;
  const Slot slot = new_slot();
  const std::string path = containers_.path(jid);
  const auto watched =
      slot == 0 ? core::fail(E2BIG, "watch") : source_->watch(slot, *id, path);
  if (!watched) {
    spdlog::warn("providers are not told of the processes of job {}: {}",
                 core::display(jid).view(), text_of(watched.error().message()));
    if (slot != 0) free_slots_.push_back(slot);
    return;
  }
  job.slot = slot;
  job.cgroup = *id;
  job.path = path;
  job_slots_[slot] = jid;
  source_->set_wanted(slot, wanted_of(jid));
  if (source_->must_be_told())
    for (const core::Pid pid : containers_.members(jid))
      source_->found(pid, slot);
}

/// Its slot is another's when everything was told that has it.
void WatchTable::unwatch(WatchedJob& job) {
  if (source_ == nullptr || job.slot == 0) return;
  const Slot slot = std::exchange(job.slot, 0);
  source_->unwatch(job.cgroup, job.path);
  source_->set_wanted(slot, {});
  source_->in_order([this, slot] {
    job_slots_.erase(slot);
    free_slots_.push_back(slot);
  });
}

bool WatchTable::add(core::JobId jid, const Place& place) {
  WatchedJob& job = jobs_[jid];
  if (!job.places.insert(place).second) return false;
  watch(jid, job);
  return true;
}

bool WatchTable::remove(core::JobId jid, const Place& place) {
  const auto at = jobs_.find(jid);
  if (at == jobs_.end() || at->second.places.erase(place) == 0) return false;
  drop_if_empty(jid);
  refresh_wanted();
  return true;
}

void WatchTable::drop_if_empty(core::JobId jid) {
  const auto at = jobs_.find(jid);
  if (at == jobs_.end() || !at->second.places.empty()) return;
  unwatch(at->second);
  jobs_.erase(at);
}

void WatchTable::forget(core::JobId jid) {
  const auto at = jobs_.find(jid);
  if (at == jobs_.end()) return;
  unwatch(at->second);
  jobs_.erase(at);
}

void WatchTable::refresh(core::JobId jid) {
  const auto at = jobs_.find(jid);
  if (at != jobs_.end()) watch(jid, at->second);
}

void WatchTable::moved(core::Pid pid, core::JobId jid, bool is_in) {
  if (source_ == nullptr || !source_->must_be_told()) return;
  core::JobId around = is_in ? jid : parent_of(jid);
  for (; around != core::kNoJob; around = parent_of(around))
    if (const auto at = jobs_.find(around);
        at != jobs_.end() && at->second.slot != 0)
      return source_->found(pid, at->second.slot);
  source_->found(pid, 0);
}

void WatchTable::refresh_wanted() {
  if (source_ == nullptr) return;
  for (const auto& [jid, job] : jobs_)
    if (job.slot != 0) source_->set_wanted(job.slot, wanted_of(jid));
}

core::JobId WatchTable::parent_of(core::JobId jid) const {
  const auto at = jobs_.find(jid);
  return at == jobs_.end() ? containers_.parent(jid) : at->second.parent;
}

core::ProviderEvents WatchTable::wanted_of(const Places& places) const {
  core::ProviderEvents wanted;
  for (const Place& place : places)
    wanted.add(wanted_(place.provider));
  return wanted;
}

core::ProviderEvents WatchTable::wanted_of(core::JobId jid) const {
  core::ProviderEvents wanted;
  for (; jid != core::kNoJob; jid = parent_of(jid))
    wanted.add(wanted_of(places_of(jid)));
  return wanted;
}

core::Result<Slot> WatchTable::slot_of_set(const Places& places) {
  if (places.empty()) return Slot{0};
  if (const auto known = slots_of_sets_.find(places);
      known != slots_of_sets_.end())
    return known->second;
  const Slot slot = new_slot();
  if (slot == 0) return core::fail(E2BIG, "watch");
  slots_of_sets_[places] = slot;
  sets_[slot] = places;
  source_->set_wanted(slot, wanted_of(places));
  return slot;
}

core::Result<bool> WatchTable::replace(core::Pid pid, const Revise& revise) {
  if (source_ == nullptr) return core::fail(ENOTSUP, "watch");
  const Slot before = source_->slot_of(pid);
  Places places = places_of(before);
  revise(places);
  if (places == places_of(before)) return false;
  const Slot slot = TRY(slot_of_set(places));
  const auto change = [this, revise](Slot then) {
    Places changed = places_of(then);
    revise(changed);
    return slot_of_set(changed).value_or(then);
  };
  TRY(source_->put(pid, slot, change));
  return true;
}

core::Result<bool> WatchTable::add(core::Pid pid, const Place& place) {
  return replace(pid, [place](Places& places) { places.insert(place); });
}

core::Result<bool> WatchTable::remove(core::Pid pid, const Place& place) {
  return replace(pid, [place](Places& places) { places.erase(place); });
}

/// Processes keep the slots of their sets: what is left of a set may be none.
void WatchTable::remove_all(core::ProviderId provider) {
  const auto is_its = [provider](const Place& place) {
    return place.provider == provider;
  };
  std::vector<core::JobId> touched;
  for (auto& [jid, job] : jobs_)
    if (std::erase_if(job.places, is_its) > 0) touched.push_back(jid);
  for (const core::JobId jid : touched)
    drop_if_empty(jid);
  for (auto& [slot, places] : sets_) {
    if (std::erase_if(places, is_its) == 0) continue;
    std::erase_if(slots_of_sets_,
                  [slot](const auto& known) { return known.second == slot; });
    if (source_ != nullptr) source_->set_wanted(slot, wanted_of(places));
  }
  refresh_wanted();
}

void WatchTable::for_each_place(
    core::JobId jid, core::JobId until,
    const std::function<void(core::JobId, const Place&)>& call) const {
  for (; jid != core::kNoJob && jid != until; jid = parent_of(jid))
    for (const Place& place : places_of(jid))
      call(jid, place);
}

const WatchTable::Places& WatchTable::places_of(core::JobId jid) const {
  const auto at = jobs_.find(jid);
  return at == jobs_.end() ? kNowhere : at->second.places;
}

const WatchTable::Places& WatchTable::places_of(Slot slot) const {
  const auto at = sets_.find(slot);
  return at == sets_.end() ? kNowhere : at->second;
}

core::JobId WatchTable::job_of(Slot slot) const {
  const auto at = job_slots_.find(slot);
  return at == job_slots_.end() ? core::kNoJob : at->second;
}

}  // namespace supervisor
