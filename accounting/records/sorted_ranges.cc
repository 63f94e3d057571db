// SPDX-License-Identifier: Apache-2.0
#include "accounting/records/sorted_ranges.h"

namespace accounting {

JobRange RangeCutter::cut() {
  JobRange range{.begin = sorted_.place(), .boot = boot_, .word = word_};
  std::uint64_t taken = 0;
  while (taken < kBlock) {
    const SortedFile::Place before = sorted_.place();
    csa::JobHeader job = {};
    if (!sorted_.next_job(job)) {
      if (sorted_.is_at_boots_end() && sorted_.next_boot(boot_)) continue;
      if (taken == 0) return JobRange::rest(range.begin, range.boot, word_);
      break;
    }
    const std::uint64_t size = sorted_.place().next_job - before.next_job;
    const auto words = 1 + static_cast<std::uint64_t>(job.processes.count);
    if (size > kLarge && taken > 0) {
      sorted_.go_to(before);  // it begins the next one
      break;
    }
    taken += size;
    word_ += words;
    if (size > kLarge) range.kind = JobRange::Kind::kLargeJob;
  }
  range.end = sorted_.place().next_job;
  return range;
}

JobRange RangeCutter::range(std::size_t number) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return next_ == number; });
  JobRange range = cut();
  ++next_;
  changed_.notify_all();
  return range;
}

}  // namespace accounting
