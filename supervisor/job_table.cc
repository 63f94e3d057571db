// SPDX-License-Identifier: Apache-2.0
#include "supervisor/job_table.h"

#include <algorithm>
#include <utility>

namespace supervisor {

namespace {

std::string key_of(core::Uid owner, std::string_view text) {
  return std::to_string(owner.raw()).append(":").append(text);
}

bool is_starting(const core::Job& job) {
  return job.state < core::JobState::kRunning &&
         job.spec.kind != core::JobKind::kArray;
}

using Index = std::unordered_map<std::string, core::JobId>;

/// Removes what names this job; a younger one may have taken its place.
void unindex(Index& index, const std::string& key, core::JobId jid) {
  const auto at = index.find(key);
  if (at != index.end() && at->second == jid) index.erase(at);
}

}  // namespace

TableEntry* JobTable::find(core::JobId jid) {
  const auto at = jobs_.find(jid);
  return at == jobs_.end() ? nullptr : &at->second;
}

const TableEntry* JobTable::find(core::JobId jid) const {
  const auto at = jobs_.find(jid);
  return at == jobs_.end() ? nullptr : &at->second;
}

TableEntry& JobTable::insert(core::Job job, std::uint64_t entry) {
  const core::JobId jid = job.jid;
  if (!job.spec.token.empty()) tokens_[key_of(job.owner, job.spec.token)] = jid;
  if (job.state == core::JobState::kEnded) {
    ended_.push_back(jid);
  } else {
    if (promised_.erase(jid) == 0) ++live_of_owner_[job.owner];
    if (!job.spec.name.empty())
      live_names_[key_of(job.owner, job.spec.name)] = jid;
  }
  if (is_starting(job)) ++starting_;
  TableEntry& place = jobs_[jid];
  place = {.job = std::move(job), .state_entry = entry};
  return place;
}

void JobTable::promise(core::JobId jid, core::Uid owner,
                       const core::JobSpec& spec) {
  if (!promised_.insert(jid).second) return;
  ++live_of_owner_[owner];
  if (!spec.token.empty()) tokens_[key_of(owner, spec.token)] = jid;
  if (!spec.name.empty()) live_names_[key_of(owner, spec.name)] = jid;
}

void JobTable::update(TableEntry& entry, core::Job job, std::uint64_t number) {
  const bool was_ended = entry.job.state == core::JobState::kEnded;
  if (is_starting(entry.job)) --starting_;
  if (is_starting(job)) ++starting_;
  if (entry.job.state != job.state) entry.state_entry = number;
  entry.job = std::move(job);
  if (!was_ended && entry.job.state == core::JobState::kEnded)
    has_ended(entry.job);
}

void JobTable::has_ended(const core::Job& job) {
  ended_.push_back(job.jid);
  unindex(live_names_, key_of(job.owner, job.spec.name), job.jid);
  const auto count = live_of_owner_.find(job.owner);
  if (--count->second == 0) live_of_owner_.erase(count);
}

std::size_t JobTable::live_count_of(core::Uid owner) const {
  const auto at = live_of_owner_.find(owner);
  return at == live_of_owner_.end() ? 0 : at->second;
}

const TableEntry* JobTable::find_token(core::Uid owner,
                                       std::string_view token) const {
  if (token.empty()) return nullptr;
  const auto at = tokens_.find(key_of(owner, token));
  return at == tokens_.end() ? nullptr : find(at->second);
}

std::optional<core::JobId> JobTable::promised_token(
    core::Uid owner, std::string_view token) const {
  if (token.empty() || promised_.empty()) return std::nullopt;
  const auto at = tokens_.find(key_of(owner, token));
  if (at == tokens_.end() || !promised_.contains(at->second))
    return std::nullopt;
  return at->second;
}

std::optional<core::JobId> JobTable::find_live_name(
    core::Uid owner, std::string_view name) const {
  if (name.empty()) return std::nullopt;
  const auto at = live_names_.find(key_of(owner, name));
  if (at == live_names_.end()) return std::nullopt;
  return at->second;
}

bool JobTable::is_awaited(core::JobId jid) const {
  const TableEntry* const array = find(jobs_.at(jid).job.spec.member.array);
  if (array == nullptr) return false;
  const std::vector<core::JobId>& open = array->job.progress.open;
  return std::ranges::find(open, jid) != open.end();
}

std::vector<core::JobId> JobTable::forget_old(core::BootTime now) {
  std::vector<core::JobId> forgotten;
  while (ended_.size() > remembering_.most && !is_awaited(ended_.front()))
    forgotten.push_back(forget_oldest());
  while (!ended_.empty() && !is_awaited(ended_.front()) &&
         now - jobs_.at(ended_.front()).job.ended.boot >= remembering_.within)
    forgotten.push_back(forget_oldest());
  return forgotten;
}

core::JobId JobTable::forget_oldest() {
  const core::JobId jid = ended_.front();
  const auto at = jobs_.find(jid);
  ended_.pop_front();
  const core::Job& job = at->second.job;
  unindex(tokens_, key_of(job.owner, job.spec.token), job.jid);
  jobs_.erase(at);
  return jid;
}

}  // namespace supervisor
