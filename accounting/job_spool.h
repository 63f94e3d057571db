// SPDX-License-Identifier: Apache-2.0
// The records of one job on their way into a user's own file (ja(1)): a ring in
// memory that the scribe fills and a process of the user's empties
// (accounting/job_file.h). So nothing that a user's file system does can hold
// up the accounting of others.
//
// Invariants:
//  - The memory is in the descriptor store: what is in it gets into the file
//    whoever of the scribe, the supervisor and that process dies.
//  - A record is in it once: with each the scribe notes its key, for each
//    instance that makes keys, in the same step.
//  - What finds no room is counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "accounting/csa_encode.h"
#include "core/error.h"
#include "sys/bpf_map.h"
#include "sys/unique_fd.h"

namespace accounting {

class JobSpool {
 public:
  /// Memory of no file, empty. Errors: those of memfd_create(2), ftruncate(2).
  [[nodiscard]] static core::Result<sys::UniqueFd> make();
  /// Errors: those of mmap(2); EINVAL for what make() did not make.
  [[nodiscard]] static core::Result<JobSpool> open(int memory);

  /// Puts a record in; no key: always. False: there is no room, it is counted.
  bool put(const std::optional<RecordKey>& key,
           std::span<const std::byte> record);

  /// The next record, which stays until consume().
  [[nodiscard]] std::optional<std::vector<std::byte>> peek() const;
  void consume();
  /// Where in the file the record of peek() was about to be written.
  void note_place(std::uint64_t offset);
  [[nodiscard]] std::optional<std::uint64_t> place() const;

  [[nodiscard]] std::uint64_t dropped() const;

 private:
  static constexpr std::size_t kSize = std::size_t{4} << 20U;
  static constexpr std::size_t kHeadSize = 4096;
  static constexpr std::size_t kInstances = 4;

  /// What changes with a record; one of two is valid.
  struct State {
    std::uint64_t head = 0;  ///< bytes put, since the beginning
    RecordKey last[kInstances] = {};
    std::uint64_t dropped = 0;
  };
  struct Shared {
    std::uint64_t magic;
    std::uint64_t tail;        ///< bytes consumed
    std::uint64_t place;       ///< of the record at `place_tail`
    std::uint64_t place_tail;  ///< 1 + `tail` then; 0: none
    std::uint32_t which;       ///< of `states`
    std::uint32_t reserved;
    State states[2];
  };
  static_assert(sizeof(Shared) <= kHeadSize);
  static constexpr std::uint64_t kMagic = 0x314C4F4F5053414AULL;  // "JASPOOL1"

  [[nodiscard]] const State& state() const;
  void commit(const State& next);
  void copy_in(std::uint64_t at, std::span<const std::byte> bytes);
  void copy_out(std::uint64_t at, std::span<std::byte> bytes) const;

  sys::MappedRange memory_;
  Shared* shared_ = nullptr;
  std::byte* ring_ = nullptr;
};

}  // namespace accounting
