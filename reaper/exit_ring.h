// SPDX-License-Identifier: Apache-2.0
// The exit ring: records of dead processes, numbered from 1, kept until they
// are acknowledged. It lives in shared memory that the store holds too
// (kRingName), so that a revived reaper goes on where a killed one stopped. A
// record is whole before the number that makes it visible; what its checksum
// does not confirm is never handed out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/checksum.h"
#include "core/exit_record.h"
#include "sys/shared_memory.h"

namespace reaper {

class ExitRing {
 public:
  /// An empty ring of `capacity` records.
  [[nodiscard]] static core::Result<ExitRing> make(std::uint32_t capacity) {
    ExitRing ring;
    ring.memory_ =
        TRY(sys::SharedMemory::make("corral-exits", size_for(capacity)));
    Head& head = ring.head();
    head.version = kVersion;
    head.capacity = capacity;
    head.next = 1;
    head.first = 1;
    head.magic = kMagic;
    return ring;
  }

  /// A ring that an earlier reaper made. Errors: EBADMSG if it is none.
  [[nodiscard]] static core::Result<ExitRing> adopt(sys::UniqueFd fd) {
    ExitRing ring;
    ring.memory_ = TRY(sys::SharedMemory::map(std::move(fd)));
    if (!ring.is_sane()) return core::fail(EBADMSG, "adopt the exit ring");
    return ring;
  }

  [[nodiscard]] const sys::UniqueFd& descriptor() const {
    return memory_.descriptor();
  }
  [[nodiscard]] std::uint64_t first() const { return head().first; }
  [[nodiscard]] std::uint64_t next() const { return head().next; }
  [[nodiscard]] bool is_full() const {
    return next() - first() >= head().capacity;
  }

  /// Numbers the record and keeps it. The ring must not be full.
  void push(core::ExitRecord record) {
    record.sequence = next();
    record.checksum = checksum_of(record);
    std::memcpy(place_of(record.sequence), &record, sizeof record);
    __atomic_store_n(&head().next, record.sequence + 1, __ATOMIC_RELEASE);
  }

  /// Forgets the records up to `sequence`. Numbers never given change nothing.
  void acknowledge(std::uint64_t sequence) {
    if (sequence < first() || sequence >= next()) return;
    __atomic_store_n(&head().first, sequence + 1, __ATOMIC_RELEASE);
  }

  /// Copies a record that is kept; false if it was damaged.
  [[nodiscard]] bool read(std::uint64_t sequence,
                          core::ExitRecord& record) const {
    std::memcpy(&record, place_of(sequence), sizeof record);
    return record.sequence == sequence &&
           record.checksum == checksum_of(record);
  }

 private:
  struct Head {
    std::uint64_t magic;
    std::uint32_t version;
    std::uint32_t capacity;
    std::uint64_t next;   ///< the number of the next record
    std::uint64_t first;  ///< the oldest that is not acknowledged
  };
  static constexpr std::uint64_t kMagic = 0x31474E4952435243U;  // "CRCRING1"
  static constexpr std::uint32_t kVersion = 1;
  static constexpr std::size_t kHeadSize = 4096;

  static constexpr std::size_t size_for(std::uint32_t capacity) {
    return kHeadSize + std::size_t{capacity} * sizeof(core::ExitRecord);
  }
  static std::uint32_t checksum_of(const core::ExitRecord& record) {
    return core::crc32c_of(record, offsetof(core::ExitRecord, checksum));
  }

  [[nodiscard]] bool is_sane() const {
    if (memory_.bytes().size() < kHeadSize) return false;
    const Head& head = this->head();
    return head.magic == kMagic && head.version == kVersion &&
           head.capacity > 0 &&
           memory_.bytes().size() == size_for(head.capacity) &&
           head.first >= 1 && head.next >= head.first &&
           head.next - head.first <= head.capacity;
  }
  // A mapping begins at a page, so the head is aligned.
  [[nodiscard]] Head& head() const {
    return *reinterpret_cast<Head*>(memory_.bytes().data());
  }
  [[nodiscard]] std::byte* place_of(std::uint64_t sequence) const {
    const auto index = static_cast<std::size_t>(sequence % head().capacity);
    return memory_.bytes().data() + kHeadSize +
           index * sizeof(core::ExitRecord);
  }

  sys::SharedMemory memory_;
};

}  // namespace reaper
