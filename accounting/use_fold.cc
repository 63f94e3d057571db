// SPDX-License-Identifier: Apache-2.0
#include "accounting/use_fold.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <iterator>
#include <utility>

#include "core/ids.h"

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
std::string account_of(const RecordView& start) {
  if (start.account.empty()) return {};
  return start.project + ":" + start.account;
}

}  // namespace

std::optional<UseKey> parse_use_key(std::string_view word) {
  const auto* const found = std::ranges::find(kWords, word);
  if (found == std::end(kWords)) return std::nullopt;
  return static_cast<UseKey>(std::distance(std::begin(kWords), found));
}

void UseSum::add(std::optional<std::uint64_t> more) {
  value += more.value_or(0);
  ++(more ? known : unknown);
}

void UseSum::raise(std::optional<std::uint64_t> other) {
  value = std::max(value, other.value_or(0));
  ++(other ? known : unknown);
}

void UseFold::add(const Group& group) {
  if (!group.is_sound || group.is_torn) return;
  if (group.configuration) {
    const auto& name = group.configuration->name.nodename;
    node_.assign(name, ::strnlen(name, sizeof name));
    return;
  }
  const RecordView view = view_of(group);
  if (group.process) return add_process(view, group);
  if (!view.jid || *view.jid == 0) return;
  if (group.start) open_job(*view.jid).start = view;
  if (group.end) add_end(view);
}

UseFold::OpenJob& UseFold::open_job(std::uint64_t jid) {
  const auto [place, is_new] = open_.try_emplace(jid);
  if (is_new) place->second.node = node_;
  return place->second;
}

void UseFold::add_process(const RecordView& view, const Group& group) {
  if (key_ == UseKey::kCommand) {
    if (!is_wanted(view)) return;
    UseRow& row = rows_[view.name];
    row.key = view.name;
    ++row.processes;
    row.wall_us.add(view.wall_us);
    row.user_us.add(view.user_us);
    row.system_us.add(view.system_us);
    row.memory_bytes.raise(view.memory_bytes);
    row.read_bytes.add(view.read_bytes);
    row.written_bytes.add(view.written_bytes);
    return;
  }
  if (!view.jid || *view.jid == 0) return;
  OpenJob& job = open_job(*view.jid);
  ++job.processes;
  job.project = project_of(group);
  job.is_own = job.is_own && !view.is_inclusive.value_or(false);
  job.user_us.add(view.user_us);
  job.system_us.add(view.system_us);
  job.memory_bytes.raise(view.memory_bytes);
  job.read_bytes.add(view.read_bytes);
  job.written_bytes.add(view.written_bytes);
  if (!job.start.uid) job.start.uid = view.uid;
  if (!job.start.gid) job.start.gid = view.gid;
  if (!job.start.started_us) job.start.started_us = view.started_us;
}

void UseFold::add_end(const RecordView& view) {
  const OpenJob job = open_job(*view.jid);
  open_.erase(*view.jid);
  close(*view.jid, job, &view);
}

bool UseFold::is_wanted(const RecordView& facts) const {
  if (filter_.uid && facts.uid != filter_.uid) return false;
  const Count time = facts.ended_us ? facts.ended_us : facts.started_us;
  if (filter_.since_us && time.value_or(0) < *filter_.since_us) return false;
  return !filter_.until_us || time.value_or(0) < *filter_.until_us;
}

std::string UseFold::key_of(std::uint64_t jid, const OpenJob& job,
                            const RecordView& facts) const {
  switch (key_) {
    case UseKey::kJob:
      return core::display(core::JobId(jid)).c_str();
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
    case UseKey::kCommand:
      break;
  }
  return {};
}

/// `end` null: the job has none in the files.
void UseFold::close(std::uint64_t jid, const OpenJob& job,
                    const RecordView* end) {
  if (key_ == UseKey::kCommand) return;
  RecordView facts = end != nullptr ? *end : job.start;
  if (!facts.uid) facts.uid = job.start.uid;
  if (!facts.gid) facts.gid = job.start.gid;
  if (!facts.started_us) facts.started_us = job.start.started_us;
  if (!is_wanted(facts)) return;
  UseRow& row = rows_[key_of(jid, job, facts)];
  row.key = key_of(jid, job, facts);
  row.name = job.start.name;
  if (key_ == UseKey::kJob) row.asked = job.start.asked;
  row.uid = facts.uid;
  ++row.jobs;
  row.open += end == nullptr ? 1 : 0;
  row.processes += job.processes;
  Count wall = facts.wall_us;
  if (!wall && facts.ended_us && facts.started_us)
    wall = *facts.ended_us - std::min(*facts.started_us, *facts.ended_us);
  row.wall_us.add(end != nullptr ? wall : std::nullopt);
  const bool has_totals = end != nullptr && end->result.has_value();
  const auto total = [&](Count RecordView::* member, const UseSum& processes) {
    if (has_totals && facts.*member) return facts.*member;
    const bool is_whole = job.is_own && processes.unknown == 0;
    return is_whole ? processes.get() : Count();
  };
  row.user_us.add(total(&RecordView::user_us, job.user_us));
  row.system_us.add(total(&RecordView::system_us, job.system_us));
  row.is_memory_of_process = !has_totals || !facts.memory_bytes;
  row.memory_bytes.raise(total(&RecordView::memory_bytes, job.memory_bytes));
  row.read_bytes.add(total(&RecordView::read_bytes, job.read_bytes));
  row.written_bytes.add(total(&RecordView::written_bytes, job.written_bytes));
  row.storage_read_bytes.add(facts.storage_read_bytes);
  row.storage_written_bytes.add(facts.storage_written_bytes);
}

std::vector<UseRow> UseFold::finish() && {
  for (const auto& [jid, job] : open_)
    close(jid, job, nullptr);
  std::vector<UseRow> rows;
  for (auto& [key, row] : rows_)
    rows.push_back(std::move(row));
  std::ranges::stable_sort(rows, [](const UseRow& a, const UseRow& b) {
    return a.user_us.value + a.system_us.value >
           b.user_us.value + b.system_us.value;
  });
  return rows;
}

}  // namespace accounting
