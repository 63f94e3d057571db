// SPDX-License-Identifier: Apache-2.0
#include "accounting/use_fold.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <functional>
#include <iterator>
#include <utility>

namespace accounting {

namespace {

using Count = RecordView::Count;

constexpr std::string_view kWords[] = {"job",     "user",    "group",
                                       "project", "account", "command",
                                       "day",     "hour",    "node"};

/// "2026-11-30 23", in local time.
std::string hour_of(Count time_us) {
  if (!time_us) return {};
  const auto seconds = static_cast<std::time_t>(*time_us / 1000000U);
  std::tm local = {};
  if (::localtime_r(&seconds, &local) == nullptr) return {};
  std::array<char, 16> text = {};
  return {text.data(),
          std::strftime(text.data(), text.size(), "%Y-%m-%d %H", &local)};
}

template <class Number>
std::string number_text(const std::optional<Number>& number) {
  return number ? std::to_string(*number) : std::string();
}

/// "PROJECT:ACCOUNT": those of two projects may have one name.
std::string account_of(const UseFacts& start) {
  if (start.account.empty()) return {};
  return start.project + ":" + start.account;
}

/// What a job used: `total`, if its end has it, else what its processes did. Of
/// those that were counted with children none has waited for another, so their
/// sum is no less than what they say; beside such that were counted alone
/// nobody knows who is in whom.
void add_use(UseSum& sum, const Count& total, const JobPart& job,
             const UseSum& processes, std::uint64_t not_seen) {
  if (total) return sum.add(total);
  if (job.inclusive > 0 && job.inclusive < job.processes) return sum.add({});
  const bool is_whole =
      job.inclusive == 0 && processes.unknown == 0 && not_seen == 0;
  if (is_whole) return sum.add(processes.get());
  sum.add_at_least(processes.get());
}

/// `facts`: of its end, or its start where it has none.
void add_job(UseRow& row, const JobPart& job, const UseFacts& facts,
             const UseFacts* end) {
  row.name = job.start.name;
  row.uid = facts.uid;
  ++row.jobs;
  row.open += end == nullptr ? 1 : 0;
  row.processes += job.processes;
  Count wall = facts.wall_us;
  if (!wall && facts.ended_us && facts.started_us)
    wall = *facts.ended_us - std::min(*facts.started_us, *facts.ended_us);
  row.wall_us.add(end != nullptr ? wall : std::nullopt);
  static const UseFacts kNone;
  const UseFacts& totals = end != nullptr && end->has_totals ? *end : kNone;
  const std::uint64_t not_seen = facts.processes_not_seen.value_or(0);
  const auto add = [&](UseSum& sum, const Count& total,
                       const UseSum& processes) {
    add_use(sum, total, job, processes, not_seen);
  };
  add(row.user_us, totals.user_us, job.user_us);
  add(row.system_us, totals.system_us, job.system_us);
  row.is_memory_of_process = !totals.memory_bytes;
  row.memory_bytes.raise(totals.memory_bytes ? totals.memory_bytes
                                             : job.memory_bytes.get());
  add(row.read_bytes, totals.read_bytes, job.read_bytes);
  add(row.written_bytes, totals.written_bytes, job.written_bytes);
  add(row.storage_read_bytes, totals.storage_read_bytes,
      job.storage_read_bytes);
  add(row.storage_written_bytes, totals.storage_written_bytes,
      job.storage_written_bytes);
}

/// Before it is weighed; nothing: not all of its processes are known.
std::optional<double> units_of(const JobPart& job, const UseFacts& facts) {
  const bool is_whole = job.units.unknown == 0 && job.processes > 0 &&
                        facts.processes_not_seen.value_or(0) == 0;
  return is_whole ? std::optional(job.units.sum.value()) : std::nullopt;
}

}  // namespace

std::optional<UseKey> parse_use_key(std::string_view word) {
  const auto* const found = std::ranges::find(kWords, word);
  if (found == std::end(kWords)) return std::nullopt;
  return static_cast<UseKey>(std::distance(std::begin(kWords), found));
}

void UseFold::add(const Group& group) {
  if (!group.is_sound || group.is_torn) return;
  if (group.configuration) {
    const auto& name = group.configuration->name.nodename;
    node_.assign(name, ::strnlen(name, sizeof name));
    return;
  }
  if (group.workload && billing_) {
    weights_.add(*group.workload);
    return;
  }
  const RecordView view = view_of(group);
  if (group.process) return add_process(view, group);
  if (!view.jid || *view.jid == 0) return;
  if (group.start) open_job(*view.jid, node_).add_start(view);
  if (group.end) end_job(*view.jid, UseFacts::of(view));
}

void UseFold::add(const JobPart& part) {
  if (part.end && !open_.contains(part.jid)) return close(part, &*part.end);
  open_job(part.jid, part.node).join(part);
  if (part.end) end_job(part.jid, *part.end);
}

void UseFold::add(const CommandPart& part) {
  if (is_of_commands() && is_wanted(part.uid, part.time_us))
    add_to_command(part);
}

JobPart& UseFold::open_job(std::uint64_t jid, const std::string& node) {
  const auto [place, is_new] = open_.try_emplace(jid);
  if (is_new) {
    place->second.jid = jid;
    place->second.node = node;
  }
  return place->second;
}

void UseFold::add_to_command(const CommandPart& part) {
  UseRow& row = rows_[part.name];
  row.key = part.name;
  row.processes += part.processes;
  row.wall_us.join(part.wall_us);
  row.user_us.join(part.user_us);
  row.system_us.join(part.system_us);
  row.memory_bytes.join_largest(part.memory_bytes);
  row.read_bytes.join(part.read_bytes);
  row.written_bytes.join(part.written_bytes);
  row.storage_read_bytes.join(part.storage_read_bytes);
  row.storage_written_bytes.join(part.storage_written_bytes);
  row.units.join(part.units);
}

void UseFold::add_process(const RecordView& view, const Group& group) {
  // One that is counted with its children would be billed for them again.
  const auto units = billing_ && !view.is_inclusive.value_or(false)
                         ? billing_->units(group)
                         : std::nullopt;
  if (is_of_commands()) {
    if (!is_wanted(view.uid, time_of(view))) return;
    CommandPart part;
    part.name = view.name;
    part.add(view);
    if (billing_) part.units.add(units);
    add_to_command(part);
    return;
  }
  if (!view.jid || *view.jid == 0) return;
  JobPart& job = open_job(*view.jid, node_);
  job.add_process(view, project_of(group));
  if (billing_) job.units.add(units);
}

void UseFold::end_job(std::uint64_t jid, const UseFacts& end) {
  close(open_job(jid, node_), &end);
  open_.erase(jid);
}

bool UseFold::is_wanted(std::optional<std::uint32_t> uid,
                        std::uint64_t time_us) const {
  if (filter_.uid && uid != filter_.uid) return false;
  if (filter_.since_us && time_us < *filter_.since_us) return false;
  return !filter_.until_us || time_us < *filter_.until_us;
}

std::string UseFold::key_of(const JobPart& job, const UseFacts& facts) const {
  switch (key_) {
    case UseKey::kUser:
      return number_text(facts.uid);
    case UseKey::kGroup:
      return number_text(facts.gid);
    case UseKey::kProject:
      if (!job.start.project.empty()) return job.start.project;
      return number_text(job.project);
    case UseKey::kAccount:
      return account_of(job.start);
    case UseKey::kDay:
      return hour_of(facts.ended_us ? facts.ended_us : facts.started_us)
          .substr(0, std::string_view("2026-11-30").size());
    case UseKey::kHour:
      return hour_of(facts.ended_us ? facts.ended_us : facts.started_us);
    case UseKey::kNode:
      return job.node;
    case UseKey::kJob:  // its jid
    case UseKey::kCommand:
      break;
  }
  return {};
}

/// `end` null: the job has none in the files.
void UseFold::close(const JobPart& job, const UseFacts* end) {
  if (is_of_commands()) return;
  UseFacts facts = end != nullptr ? *end : job.start;
  if (!facts.uid) facts.uid = job.start.uid;
  // The published daemon wrote a number there that is no group's.
  if (!facts.gid || (!facts.has_totals && job.start.gid))
    facts.gid = job.start.gid;
  if (!facts.started_us) facts.started_us = job.start.started_us;
  const Count time = facts.ended_us ? facts.ended_us : facts.started_us;
  if (!is_wanted(facts.uid, time.value_or(0))) return;
  if (key_ == UseKey::kJob) {
    UseRow row;
    row.asked = job.start.asked;
    add_job(row, job, facts, end);
    jobs_.add(job.jid, row);
    if (billing_) jobs_.bill(units_of(job, facts));
    return;
  }
  const std::string key = key_of(job, facts);
  UseRow& row = rows_[key];
  row.key = key;
  add_job(row, job, facts, end);
  if (billing_)
    bills_[key].push_back({.jid = job.jid, .units = units_of(job, facts)});
}

UseRows UseFold::finish() && {
  for (const auto& [jid, job] : open_)
    close(job, nullptr);
  open_.clear();
  if (billing_) weights_.settle(*billing_);
  if (key_ == UseKey::kJob) {
    if (billing_) jobs_.weigh([this](auto jid) { return weights_.of(jid); });
    jobs_.sort();
    return UseRows(std::move(jobs_));
  }
  for (const auto& [key, bills] : bills_)
    for (const Bill& bill : bills)
      rows_[key].units.add(
          bill.units ? std::optional(*bill.units * weights_.of(bill.jid))
                     : std::nullopt);
  std::vector<UseRow> rows;
  for (auto& [key, row] : rows_)
    rows.push_back(std::move(row));
  std::ranges::stable_sort(rows, std::greater(), &UseRow::cpu_us);
  return UseRows(std::move(rows));
}

}  // namespace accounting
