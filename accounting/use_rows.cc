// SPDX-License-Identifier: Apache-2.0
#include "accounting/use_rows.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "accounting/packed_fields.h"
#include "core/ids.h"

namespace accounting {

namespace {

// Counts of a sum over one job are 0 or 1.
constexpr unsigned kKnown = 1;
constexpr unsigned kUnknown = 2;
constexpr unsigned kPartly = 4;

void put(FieldWriter& writer, const UseSum& sum) {
  writer.number((sum.known > 0 ? kKnown : 0U) |
                (sum.unknown > 0 ? kUnknown : 0U) |
                (sum.partly > 0 ? kPartly : 0U));
  if (sum.get()) writer.number(sum.value);
}

UseSum take(FieldReader& reader) {
  unsigned counts = 0;
  reader.number(counts);
  UseSum sum = {.known = (counts & kKnown) / kKnown,
                .unknown = (counts & kUnknown) / kUnknown,
                .partly = (counts & kPartly) / kPartly};
  if (sum.get()) reader.number(sum.value);
  return sum;
}

/// Of numbers that are shown without leading zeros: they are in the order of
/// their digits from the left.
bool is_shown_before(std::uint64_t one, std::uint64_t other) {
  constexpr int kDigit = 4;
  const auto left = [](std::uint64_t value) {
    return value << (std::countl_zero(value) / kDigit * kDigit);
  };
  const std::uint64_t a = one == 0 ? 0 : left(one);
  const std::uint64_t b = other == 0 ? 0 : left(other);
  return a != b ? a < b : one < other;
}

}  // namespace

void UseRow::join(const UseRow& later) {
  name = later.name;
  asked = later.asked;
  uid = later.uid;
  jobs += later.jobs;
  open += later.open;
  processes += later.processes;
  is_memory_of_process = later.is_memory_of_process;
  for (UseSum UseRow::* const sum : kUseSums) {
    if (sum == &UseRow::memory_bytes)
      (this->*sum).join_largest(later.*sum);
    else
      (this->*sum).join(later.*sum);
  }
  units.join(later.units);
}

void PackedJobs::add(std::uint64_t jid, const UseRow& row) {
  packing_.clear();
  FieldWriter writer(packing_);
  writer.text(row.name);
  writer.number(row.asked.size());
  for (const auto& [kind, bound] : row.asked) {
    writer.number(kind);
    writer.number(bound);
  }
  writer.perhaps(row.uid);
  writer.number(row.open > 0);
  writer.number(row.processes);
  writer.number(row.is_memory_of_process);
  for (const UseSum UseRow::* const sum : kUseSums)
    put(writer, row.*sum);
  entries_.push_back(
      {.jid = jid, .cpu_us = row.cpu_us(), .place = keep(packing_)});
}

void PackedJobs::bill(std::optional<double> units) {
  is_billed_ = true;
  entries_.back().units = units.value_or(kNotKnown);
}

std::uint64_t PackedJobs::keep(std::string_view bytes) {
  // Of few jobs little room is taken, of many most chunks are large.
  constexpr std::size_t kSmallest = std::size_t{1} << 12U;
  constexpr std::size_t kLargest = std::size_t{1} << 18U;
  if (chunks_.empty() ||
      chunks_.back().capacity() - chunks_.back().size() < bytes.size()) {
    const std::size_t last = chunks_.empty() ? 0 : chunks_.back().capacity();
    chunks_.emplace_back();
    chunks_.back().reserve(
        std::max(std::clamp(2 * last, kSmallest, kLargest), bytes.size()));
  }
  const std::size_t offset = chunks_.back().size();
  chunks_.back() += bytes;
  return (chunks_.size() - 1) << 32U | offset;
}

UseRow PackedJobs::unpack(const Entry& entry) const {
  const std::string_view chunk = chunks_[entry.place >> 32U];
  FieldReader reader(chunk.substr(entry.place & UINT32_MAX));
  UseRow row;
  row.jobs = 1;
  reader.text(row.name);
  std::size_t asked = 0;
  reader.number(asked);
  row.asked.resize(asked);
  for (auto& [kind, bound] : row.asked) {
    reader.number(kind);
    reader.number(bound);
  }
  reader.perhaps(row.uid);
  reader.number(row.open);
  reader.number(row.processes);
  reader.number(row.is_memory_of_process);
  for (UseSum UseRow::* const sum : kUseSums)
    row.*sum = take(reader);
  if (is_billed_)
    row.units.add(std::isnan(entry.units) ? std::nullopt
                                          : std::optional(entry.units));
  return row;
}

void PackedJobs::sort() {
  std::ranges::sort(entries_, {}, [](const Entry& entry) {
    return std::pair(entry.jid, entry.place);
  });
  firsts_.clear();
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (i > 0 && entries_[i - 1].jid == entries_[i].jid)
      add_bounded(entries_[firsts_.back()].cpu_us, entries_[i].cpu_us);
    else
      firsts_.push_back(i);
  }
  std::ranges::sort(firsts_, [this](std::size_t a, std::size_t b) {
    const Entry& one = entries_[a];
    const Entry& other = entries_[b];
    if (one.cpu_us != other.cpu_us) return one.cpu_us > other.cpu_us;
    return is_shown_before(one.jid, other.jid);
  });
}

UseRow PackedJobs::operator[](std::size_t i) const {
  std::size_t at = firsts_[i];
  const std::uint64_t jid = entries_[at].jid;
  UseRow row = unpack(entries_[at]);
  row.key = core::display(core::JobId(jid)).c_str();
  while (++at < entries_.size() && entries_[at].jid == jid)
    row.join(unpack(entries_[at]));
  return row;
}

}  // namespace accounting
