// SPDX-License-Identifier: Apache-2.0
#include "accounting/index/part_fold.h"

#include <algorithm>
#include <cstring>

#include "accounting/index/use_index.h"

namespace accounting::index {

JobPart& PartFold::open_job(std::uint64_t jid) {
  const auto [place, is_new] = open_.try_emplace(jid);
  if (is_new) {
    place->second.jid = jid;
    place->second.node = node_;
  }
  return place->second;
}

void PartFold::add_to_command(const RecordView& view) {
  const std::uint64_t time = time_of(view) / kSlotUs * kSlotUs;
  const std::int64_t user = view.uid ? std::int64_t{*view.uid} : -1;
  CommandPart& part = commands_[{view.name, time, user}];
  part.name = view.name;
  part.time_us = time;
  part.uid = view.uid;
  part.add(view);
}

void PartFold::add(const Group& group) {
  if (!group.is_sound || group.is_torn) return;
  if (group.configuration) {
    const auto& name = group.configuration->name.nodename;
    node_.assign(name, ::strnlen(name, sizeof name));
    return;
  }
  const RecordView view = view_of(group);
  if (group.process) add_to_command(view);
  lost_ += view.lost.value_or(0);
  if (!view.jid || *view.jid == 0) return;
  const auto [place, is_new] = places_.try_emplace(*view.jid);
  if (is_new)
    place->second = {.jid = *view.jid,
                     .first = group.offset,
                     .last = 0,
                     .node = node_,
                     .lost = lost_};
  place->second.last = group.offset;
  if (group.process) {
    open_job(*view.jid).add_process(view, project_of(group));
    return;
  }
  if (group.start) open_job(*view.jid).add_start(view);
  if (!group.end) return;
  JobPart& job = open_job(*view.jid);
  job.end = UseFacts::of(view);
  pack(job);
  open_.erase(*view.jid);
}

void PartFold::pack(const JobPart& job) {
  if (packed_.empty() || packed_.back().bytes.size() >= kBunchBytes)
    packed_.emplace_back();
  index::add(packed_.back(), job);
}

PartFold::Parts PartFold::take() {
  Parts parts;
  std::vector<std::uint64_t> jids;
  for (const auto& [jid, job] : open_)
    jids.push_back(jid);
  std::ranges::sort(jids);
  for (const std::uint64_t jid : jids)
    pack(open_.at(jid));
  open_.clear();
  parts.jobs = std::exchange(packed_, {});
  for (auto& [key, part] : commands_)
    parts.commands.push_back(std::move(part));
  commands_.clear();
  for (auto& [jid, place] : places_)
    parts.places.push_back(std::move(place));
  places_.clear();
  return parts;
}

}  // namespace accounting::index
