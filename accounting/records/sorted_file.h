// SPDX-License-Identifier: Apache-2.0
// A file that csabuild has sorted: for each boot a boot record and its jobs;
// for each job a header, its processes, its starts and ends, its requests.
#pragma once

#include <cstdint>
#include <optional>

#include "accounting/records/entry_reader.h"

namespace accounting {

/// Bits of JobHeader::flags.
struct JobFlags {
  static constexpr std::int32_t kCrashed = 1 << 0;
  static constexpr std::int32_t kTimedOut = 1 << 1;
  static constexpr std::int32_t kBatchEnd = 1 << 2;
  static constexpr std::int32_t kInteractiveEnd = 1 << 3;
  static constexpr std::int32_t kHasWorkload = 1 << 8;
};

/// Has the job ended, as far as the published reports know?
constexpr bool has_ended(const csa::JobHeader& job) {
  constexpr std::int32_t kEnded =
      JobFlags::kCrashed | JobFlags::kTimedOut | JobFlags::kBatchEnd;
  return (job.flags & kEnded) != 0 ||
         ((job.flags & JobFlags::kHasWorkload) == 0 &&
          (job.flags & JobFlags::kInteractiveEnd) != 0);
}

class SortedFile {
 public:
  enum class Part : std::uint8_t { kProcesses, kEvents, kWorkload };

  explicit SortedFile(ByteWindow window) : reader_(std::move(window)) {}

  /// A place between two jobs.
  struct Place {
    std::uint64_t next_boot = 0;
    std::uint64_t boot_end = 0;  ///< of the boot in hand
    std::uint64_t next_job = 0;
  };
  [[nodiscard]] const Place& place() const { return place_; }
  /// Goes to a place of this file, also one that another reader of it told.
  void go_to(const Place& place) { place_ = place; }

  /// The next boot record; false at the end. Leaves the boot in hand.
  bool next_boot(csa::Configuration& boot);
  /// The next job of the boot in hand; false behind its last.
  bool next_job(csa::JobHeader& job);
  /// Where bytes are left that are no boot record; nothing: none are.
  [[nodiscard]] std::optional<std::uint64_t> leftover() const {
    if (place_.next_boot >= reader_.size()) return std::nullopt;
    return place_.next_boot;
  }
  /// Did the jobs' lengths add up to that of their boot?
  [[nodiscard]] bool is_at_boots_end() const {
    return place_.next_job == place_.boot_end;
  }

  /// Goes to the first record of a part of the job in hand.
  void go_to(const csa::JobHeader& job, Part part);
  [[nodiscard]] static std::int32_t count(const csa::JobHeader& job, Part part);
  /// The next record; false if there is none that can be read.
  bool next_entry(Entry& entry) {
    return reader_.next(entry) == ReadStatus::kEntry;
  }

  [[nodiscard]] EntryReader& reader() { return reader_; }
  [[nodiscard]] std::uint64_t job_begin() const { return job_begin_; }

 private:
  template <class Record>
  bool read(std::uint64_t at, csa::RecordType type, Record& record);

  EntryReader reader_;
  Place place_;
  std::uint64_t job_begin_ = 0;  ///< behind the header of the job in hand
};

}  // namespace accounting
