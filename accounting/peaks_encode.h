// SPDX-License-Identifier: Apache-2.0
// The end of a job with the site record of its peaks: who counted it, what its
// totals are read from, stalls and peaks of its cgroup. A supervisor's only:
// a scope's end has none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "accounting/csa_encode.h"
#include "core/collector.h"
#include "core/job_peaks.h"

namespace accounting {

struct EndFacts {
  core::JobPeaks peaks;
  core::Collector collector = core::Collector::kWait;
  std::uint8_t sources = 0;  ///< kFromCgroup, kFromFollowed
};

namespace detail {

inline SitePeaks site_of(const SiteEnd& end, const EndFacts& facts) {
  SitePeaks site = {};
  site.head = end.head;
  site.head.kind_and_size = static_cast<std::int32_t>(SiteKind::kPeaks);
  site.key = end.key;
  site.collector = static_cast<std::uint8_t>(facts.collector);
  site.sources = facts.sources;
  const core::JobPeaks& peaks = facts.peaks;
  const core::Maybe<core::Microseconds> stalls[] = {
      peaks.cpu_some,    peaks.cpu_full, peaks.memory_some,
      peaks.memory_full, peaks.io_some,  peaks.io_full};
  for (unsigned i = 0; i < std::size(stalls); ++i)
    if (stalls[i]) {
      site.stalls[i] = stalls[i]->raw();
      site.present |= 1U << i;
    }
  if (peaks.processes) {
    site.processes = *peaks.processes;
    site.present |= kHasProcessesPeak;
  }
  if (peaks.swap) {
    site.swap_bytes = peaks.swap->raw();
    site.present |= kHasSwapPeak;
  }
  return site;
}

}  // namespace detail

inline RecordBytes encode(const EndOfJob& end, const EndFacts& facts) {
  RecordBytes bytes = encode(end);
  SiteEnd last = {};
  bytes.size -= sizeof last;
  std::memcpy(&last, bytes.data + bytes.size, sizeof last);
  last.checksum = 0;
  last.head.kind_and_size = static_cast<std::int32_t>(SiteKind::kEnd);
  detail::put(bytes, detail::site_of(last, facts));
  detail::put_last(bytes, last);
  return bytes;
}

/// Completes what encode() made of a process by its number in the cluster.
inline void number_process(RecordBytes& bytes, std::uint64_t gpid) {
  std::byte* const site = bytes.data + bytes.size - sizeof(SiteProcess);
  std::memcpy(site + offsetof(SiteProcess, gpid), &gpid, sizeof gpid);
  detail::end_append(bytes);
}

}  // namespace accounting
