// SPDX-License-Identifier: Apache-2.0
#include "accounting/records/entry_write.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace accounting {

namespace {

/// In the order in which an entry's records lie in a file.
struct Records {
  std::array<const csa::Head*, 9> heads = {};
  std::size_t count = 0;

  template <class Record>
  void add(const Record* record) {
    if (record != nullptr) heads[count++] = &record->head;
  }
};

Records records_of(const Entry& entry) {
  Records records;
  records.add(entry.process);
  records.add(entry.end);
  records.add(entry.memory);
  records.add(entry.io);
  records.add(entry.delay);
  records.add(entry.start);
  records.add(entry.configuration);
  records.add(entry.job);
  records.add(entry.workload);
  return records;
}

/// No record is longer than the reader's copies of it.
std::size_t size_of(const csa::Head& head) {
  return std::clamp<std::size_t>(head.size, sizeof head, kLargestEntry);
}

/// A process whose records lie one behind the other in their usual order, as
/// they do in nearly every file.
bool is_plain(const Entry& entry) {
  if (entry.process == nullptr || entry.prime != &entry.process->head ||
      entry.size < sizeof(csa::Csa))
    return false;
  const auto* next = reinterpret_cast<const char*>(entry.process + 1);
  const auto follows = [&next](const auto* record) {
    if (record == nullptr) return true;
    if (reinterpret_cast<const char*>(record) != next) return false;
    next += sizeof *record;
    return true;
  };
  return follows(entry.memory) && follows(entry.io) && follows(entry.delay) &&
         entry.end == nullptr && entry.start == nullptr &&
         entry.configuration == nullptr && entry.job == nullptr &&
         entry.workload == nullptr && entry.site == nullptr &&
         next == reinterpret_cast<const char*>(entry.process) + entry.size;
}

}  // namespace

std::size_t written_size(const Entry& entry) {
  if (is_plain(entry)) return entry.size;
  const Records records = records_of(entry);
  std::size_t total = 0;
  for (std::size_t i = 0; i < records.count; ++i)
    total += size_of(*records.heads[i]);
  return total;
}

std::size_t write_entry(std::span<char> room, const Entry& entry) {
  if (is_plain(entry)) {
    if (entry.size > room.size()) return 0;
    std::memcpy(room.data(), entry.prime, entry.size);
    return entry.size;
  }
  const Records records = records_of(entry);
  std::size_t total = 0;
  for (std::size_t i = 0; i < records.count; ++i) {
    csa::Head head = *records.heads[i];
    const std::size_t size = size_of(head);
    if (size > room.size() - total) break;
    const bool more = i + 1 < records.count;
    head.flag = static_cast<std::uint8_t>(more ? head.flag | csa::kMoreFollow
                                               : head.flag & ~csa::kMoreFollow);
    std::memcpy(room.data() + total, records.heads[i], size);
    std::memcpy(room.data() + total, &head, sizeof head);
    total += size;
  }
  return total;
}

std::size_t append_entry(ReportText& bytes, const Entry& entry) {
  const std::size_t size = written_size(entry);
  return bytes.append(size,
                      [&](char* room) { write_entry({room, size}, entry); });
}

}  // namespace accounting
