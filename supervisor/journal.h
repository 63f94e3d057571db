// SPDX-License-Identifier: Apache-2.0
// The journal: an append-only file of numbered entries in a memfd that the
// store keeps across a crash of the supervisor.
//
//   Header   magic, version, epoch, first entry's number, CRC-32C
//   entries  {u32 size, u32 CRC-32C, u64 number} and `size` bytes, one
//   pwrite(2)
//
// Invariants, held by tests/unit/supervisor/journal_test.cc:
//  - Cut at any byte, it replays to a prefix of what was appended: open() cuts
//    a torn tail off.
//  - Numbers grow by one from entry to entry, over compaction too: a number
//    names an event for ever within an epoch.
//  - compact() either leaves the journal as it was or moves to the snapshot
//    after the store was given it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/error.h"
#include "sys/unique_fd.h"

namespace supervisor {

struct JournalEntry {
  std::uint64_t number = 0;
  std::span<const std::byte> body;  ///< valid during the call
};

class Journal {
 public:
  /// The name of the memfd in the store.
  static constexpr const char* kStoreName = "journal";

  using Visit = std::function<core::Result<void>(const JournalEntry&)>;
  /// Writes the snapshot's entries by append() into the journal it is given.
  using WriteSnapshot = std::function<core::Result<void>(Journal&)>;
  /// Puts the memfd into the store under kStoreName, replacing the old one.
  using Publish = std::function<core::Result<void>(int memfd)>;

  /// A new one, empty, of a random epoch. Its entries begin with 1.
  [[nodiscard]] static core::Result<Journal> create();

  /// The one that the store kept. Cuts a torn tail. Errors: EBADMSG when its
  /// header is damaged, EPROTONOSUPPORT when its version is unknown.
  [[nodiscard]] static core::Result<Journal> open(sys::UniqueFd memfd);

  /// Appends one entry and returns its number. On an error (ENOSPC, ENOMEM)
  /// nothing was appended.
  [[nodiscard]] core::Result<std::uint64_t> append(
      std::span<const std::byte> body);

  /// Every entry in order. Ends with the first error of `visit`.
  [[nodiscard]] core::Result<void> replay(const Visit& visit) const;

  /// Whether it has grown enough to be worth a compaction: beyond 4 MiB and
  /// twice what the last snapshot needed.
  [[nodiscard]] bool wants_compaction() const;

  /// Replaces all entries by a snapshot. Entry numbers go on growing.
  [[nodiscard]] core::Result<void> compact(const WriteSnapshot& write,
                                           const Publish& publish);

  /// For the store.
  [[nodiscard]] int memfd() const { return file_.get(); }
  /// Names this journal: orders and record keys are unique within it.
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
  /// The number that the next entry will have.
  [[nodiscard]] std::uint64_t next_number() const { return next_number_; }
  [[nodiscard]] std::uint64_t size() const { return end_; }
  /// Bytes of a torn tail that open() cut off.
  [[nodiscard]] std::uint64_t bytes_cut() const { return bytes_cut_; }

 private:
  Journal() = default;
  [[nodiscard]] static core::Result<Journal> make(std::uint64_t epoch,
                                                  std::uint64_t first_number);
  /// With all that is in it now as its snapshot.
  [[nodiscard]] core::Result<void> write_header();
  [[nodiscard]] core::Result<std::vector<std::byte>> read_all() const;

  sys::UniqueFd file_;
  std::uint64_t epoch_ = 0;
  std::uint64_t first_number_ = 1;
  std::uint64_t next_number_ = 1;
  std::uint64_t end_ = 0;  ///< offset of the next entry
  std::uint64_t snapshot_end_ = 0;
  std::uint64_t bytes_cut_ = 0;
  std::vector<std::byte> buffer_;  ///< kept, so that append() need not allocate
};

}  // namespace supervisor
