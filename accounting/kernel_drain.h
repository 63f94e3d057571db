// SPDX-License-Identifier: Apache-2.0
// From the eBPF collector's ring into the accounting file. The scribe does it,
// in the same breath as its own appends: before the end of a job is written,
// its processes are.
//
// Invariants:
//  - Each record of the ring is in the file once, wherever a scribe is killed:
//    before it appends it writes down, in the collector's own memory, where and
//    what; the next one reads that stretch of the file, and goes on behind the
//    last record that it finds there.
//  - What the disk refuses stays in the ring. What found no room there is
//    counted by the program, and the file tells how many: once.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "accounting/csa_encode.h"
#include "accounting/job_spools.h"
#include "accounting/kernel_ring.h"
#include "core/error.h"
#include "core/record_switches.h"

namespace accounting {

class KernelDrain {
 public:
  explicit KernelDrain(KernelRing ring) : ring_(std::move(ring)) {}

  /// Finds out what a scribe before us wrote, into the file at `path` or what
  /// it was renamed to; once. The caller holds the FileLock of `file`.
  void recover(int file, const std::string& path);
  /// Appends all that is there and on; into `spools`, if there are any, all.
  /// The caller holds the FileLock. Errors: those of append_whole().
  [[nodiscard]] core::Result<void> write_all(
      int file, const core::RecordSwitches& switches = {},
      JobSpools* spools = nullptr);
  /// Accounting is off: all that is there is done with.
  void skip_all();

  [[nodiscard]] bool is_empty() const { return ring_.is_empty(); }
  /// Records that are not written yet.
  [[nodiscard]] std::uint64_t waiting() const { return ring_.waiting(); }
  [[nodiscard]] KernelRing& ring() { return ring_; }
  /// Since it was made.
  [[nodiscard]] std::uint64_t written() const { return written_; }
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  struct Batch {
    std::vector<std::byte> bytes;
    std::uint64_t records = 0;
    std::uint64_t position = 0;   ///< behind them
    std::uint64_t told_lost = 0;  ///< once it is written
  };
  [[nodiscard]] Batch gather(const core::RecordSwitches& switches,
                             JobSpools* spools) const;
  void add_loss(Batch& batch) const;

  KernelRing ring_;
  bool was_recovered_ = false;
  std::uint64_t written_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace accounting
