// SPDX-License-Identifier: Apache-2.0
#include "accounting/records/entry_blocks.h"

#include <malloc.h>
#include <sched.h>

#include <cstring>

#include "accounting/records/entry_check.h"

namespace accounting {

std::size_t worker_count() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) < 0) return 1;
  constexpr int kMost = 16;
  return static_cast<std::size_t>(std::clamp(CPU_COUNT(&set), 1, kMost));
}

void keep_freed_memory() {
#ifdef M_TRIM_THRESHOLD
  constexpr int kMegabyte = 1 << 20;
  ::mallopt(M_MMAP_THRESHOLD, 32 * kMegabyte);
  ::mallopt(M_TRIM_THRESHOLD, 128 * kMegabyte);
#endif
}

std::uint64_t guess_entry(EntryReader& reader, std::uint64_t from) {
  const std::uint64_t aligned =
      (from + csa::kRecordUnit - 1) / csa::kRecordUnit * csa::kRecordUnit;
  for (std::uint64_t at = aligned; at < reader.size(); at += csa::kRecordUnit) {
    const auto bytes = reader.window().at(at, sizeof(csa::Head));
    if (bytes.size() < sizeof(csa::Head)) break;
    csa::Head head;
    std::memcpy(&head, bytes.data(), sizeof head);
    if (is_primary_head(head)) return at;
  }
  return reader.size();
}

}  // namespace accounting
