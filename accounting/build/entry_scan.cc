// SPDX-License-Identifier: Apache-2.0
#include "accounting/build/entry_scan.h"

#include <algorithm>

#include "accounting/records/entry_write.h"

namespace accounting::build {

namespace {

/// An entry that is one record and says its size rightly.
bool is_alone(const Entry& entry) {
  return entry.process == nullptr && entry.configuration == nullptr &&
         (entry.start == nullptr || entry.end == nullptr) &&
         told_size(entry) == entry.size;
}

}  // namespace

std::uint64_t told_size(const Entry& entry) {
  if (entry.process != nullptr)
    return entry.process->head.size + entry.process->second.size;
  if (entry.end != nullptr)
    return entry.end->head.size + entry.end->second.size;
  return entry.prime->size;
}

void EntryScan::add_process(const Entry& entry) {
  const csa::Csa& process = *entry.process;
  const auto size = static_cast<std::uint32_t>(written_size(entry));
  const bool goes_on = !items_.empty() &&
                       items_.back().kind == Scanned::Kind::kProcesses &&
                       items_.back().jid == process.jid;
  if (!goes_on)
    items_.push_back({.kind = Scanned::Kind::kProcesses,
                      .jid = process.jid,
                      .offset = entry.offset,
                      .first = process.btime,
                      .last = process.btime});
  Scanned& item = items_.back();
  ++item.entries;
  item.bytes += size;
  item.uid = process.uid;
  item.btime = process.btime;
  item.first = std::min(item.first, process.btime);
  item.last = std::max(item.last, process.btime);
}

bool EntryScan::entry(const Entry& entry) {
  using csa::RecordType;
  const RecordType type = entry.type();
  if (type == RecordType::kCsa && entry.process->btime > 0 &&
      told_size(entry) == entry.size) {
    add_process(entry);
    return true;
  }
  Scanned item = {.entries = 1, .offset = entry.offset};
  if (type == RecordType::kStartOfJob && is_alone(entry)) {
    item.kind = Scanned::Kind::kStart;
    item.jid = entry.start->jid;
    item.uid = entry.start->uid;
    item.btime = entry.start->btime;
    item.last = entry.start->rstime;
  } else if (type == RecordType::kEndOfJob && is_alone(entry)) {
    item.kind = Scanned::Kind::kEnd;
    item.jid = entry.end->jid;
    item.uid = entry.end->uid;
    item.btime = entry.end->btime;
    item.last = entry.end->etime;
  }
  item.bytes = static_cast<std::uint32_t>(written_size(entry));
  items_.push_back(item);
  return true;
}

}  // namespace accounting::build
