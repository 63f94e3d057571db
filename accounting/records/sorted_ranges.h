// SPDX-License-Identifier: Apache-2.0
// A sorted file read by all processors: ranges of whole jobs, of some megabytes
// each, whose results are taken in the order of the file. Only headers of jobs
// are read to cut it. What is not plain (damage, jobs that do not add up to
// their boot, a very large job) is left to the caller, who reads it as one
// reader would: so the outcome is that one's, whoever has read.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "accounting/records/entry_blocks.h"
#include "accounting/records/sorted_file.h"
#include "accounting/text/console.h"

namespace accounting {

struct JobRange {
  enum class Kind : std::uint8_t {
    kPlain,
    kLargeJob,  ///< one job, whose result may have no room in memory
    kRest,      ///< all that is left; often nothing
  };
  Kind kind = Kind::kPlain;
  SortedFile::Place begin;
  csa::Configuration boot = {};  ///< that is in hand there
  std::uint64_t end = 0;   ///< where the next job begins that is not of it
  std::uint64_t word = 0;  ///< of its first job in the ExactUnits

  /// All from a place on.
  static JobRange rest(const SortedFile::Place& begin,
                       const csa::Configuration& boot, std::uint64_t word = 0) {
    return {.kind = Kind::kRest,
            .begin = begin,
            .boot = boot,
            .end = UINT64_MAX,
            .word = word};
  }
  static JobRange whole() { return rest({}, {}); }
};

/// Reads the jobs of a range: `on_job(boot, job)` says whether to go on,
/// `on_gap()` is told that a boot's jobs do not end where that ends and says
/// the same. False: one of them said no. `boot` is the boot in hand.
template <class OnJob, class OnGap>
bool walk(SortedFile& sorted, const JobRange& range, csa::Configuration& boot,
          const OnJob& on_job, const OnGap& on_gap) {
  sorted.go_to(range.begin);
  boot = range.boot;
  csa::JobHeader job = {};
  for (;;) {
    while (sorted.place().next_job < range.end && sorted.next_job(job))
      if (!on_job(job)) return false;
    if (sorted.place().next_job >= range.end) return true;
    if (!sorted.is_at_boots_end() && !on_gap()) return false;
    if (!sorted.next_boot(boot)) return true;
  }
}

/// Cuts a file into ranges, for all threads in turn.
class RangeCutter {
 public:
  explicit RangeCutter(ByteWindow window) : sorted_(std::move(window)) {
    sorted_.reader().window().read_ahead(kHeaders);
  }
  /// No file has more of them.
  [[nodiscard]] static std::size_t most(const ByteWindow& window) {
    return static_cast<std::size_t>(2 * window.size() / kBlock + 2);
  }
  /// The range with this number, as soon as those before it are cut. The last
  /// one is the rest, again and again.
  JobRange range(std::size_t number);

 private:
  static constexpr std::uint64_t kLarge = 4 * kBlock;
  static constexpr std::size_t kHeaders = 4096;
  JobRange cut();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t next_ = 0;  ///< range that is cut next
  SortedFile sorted_;
  csa::Configuration boot_ = {};
  std::uint64_t word_ = 0;
};

/// Each worker has a reader of the file and a `Handler` made by `make()`, which
/// may fail: `handler.read(sorted, range)` gives a std::optional<Piece>;
/// nothing: the range is not plain. `take(piece)` gets them in order;
/// `alone(range)` reads a large job, or the rest, itself, and returns whether
/// the others may go on behind it (behind the rest they may not).
template <class Piece, class Make, class Take, class Alone>
Outcome<void> for_each_range(const ByteWindow& window, const Make& make,
                             const Take& take, const Alone& alone) {
  using Handler = typename decltype(make())::value_type;
  struct Worker {
    SortedFile sorted;
    Handler handler;
  };
  const auto by_one = [&](const JobRange& range) -> Outcome<void> {
    (void)TRY(alone(range));
    return {};
  };
  const std::size_t count = RangeCutter::most(window);
  const std::size_t workers =
      window.is_plain() && count > 3 ? worker_count() : 1;
  if (workers == 1) return by_one(JobRange::whole());
  std::vector<std::unique_ptr<Worker>> crew;
  for (std::size_t i = 0; i < workers; ++i) {
    auto twin = window.twin();
    auto handler = make();
    if (!twin || !handler) return by_one(JobRange::whole());
    crew.push_back(std::unique_ptr<Worker>(
        new Worker{SortedFile(std::move(*twin)), std::move(*handler)}));
  }
  auto twin = window.twin();
  if (!twin) return by_one(JobRange::whole());
  RangeCutter cutter(std::move(*twin));
  keep_freed_memory();
  struct Result {
    JobRange range;
    std::optional<Piece> piece;
  };
  Outcome<void> outcome;
  OrderedWork<Result>::run(
      workers, count,
      [&](std::size_t w, std::size_t i) {
        Result result{.range = cutter.range(i), .piece = {}};
        if (result.range.kind == JobRange::Kind::kPlain)
          result.piece = crew[w]->handler.read(crew[w]->sorted, result.range);
        return result;
      },
      [&](std::size_t /*i*/, Result result) {
        if (result.piece) {
          take(std::move(*result.piece));
          return true;
        }
        const JobRange& range = result.range;
        const Outcome<bool> goes_on =
            alone(range.kind == JobRange::Kind::kLargeJob
                      ? range
                      : JobRange::rest(range.begin, range.boot, range.word));
        if (!goes_on) outcome = std::unexpected(goes_on.error());
        return goes_on.value_or(false);
      });
  return outcome;
}

}  // namespace accounting
