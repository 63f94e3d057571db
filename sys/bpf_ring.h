// SPDX-License-Identifier: Apache-2.0
// A ring that programs in the kernel write and one reader reads
// (Documentation/bpf/ringbuf.rst), for who was given its descriptor.
//
// Invariants:
//  - A record's number is the place behind it in the ring, in bytes since the
//    ring was made: it only grows, and no two have the same.
//  - What was read stays in the ring until release() says that it is done with.
#pragma once

#include <linux/bpf.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "core/error.h"
#include "sys/bpf_map.h"
#include "sys/unique_fd.h"

namespace sys {

class BpfRing {
 public:
  BpfRing() = default;
  /// `size`: its data's, bytes. Errors: those of mmap(2); EINVAL: no ring has
  /// this size.
  [[nodiscard]] static core::Result<BpfRing> open(UniqueFd ring,
                                                  std::uint64_t size) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    if (!std::has_single_bit(size) || size < page)
      return core::fail(EINVAL, "open", "a ring of the kernel's");
    BpfRing opened;
    opened.consumer_ =
        TRY(MappedRange::map(ring.get(), 0, page, PROT_READ | PROT_WRITE));
    // The data twice, so that each record lies in one piece.
    opened.producer_ = TRY(
        MappedRange::map(ring.get(), page,
                         page + 2 * static_cast<std::size_t>(size), PROT_READ));
    opened.data_ = static_cast<const std::byte*>(opened.producer_.get()) + page;
    opened.mask_ = size - 1;
    opened.ring_ = std::move(ring);
    return opened;
  }

  struct Record {
    const std::byte* bytes = nullptr;  ///< null: a place that was given up
    std::size_t size = 0;
    std::uint64_t number = 0;
  };
  /// The record behind `position`; nothing: it is not there yet.
  [[nodiscard]] std::optional<Record> read(std::uint64_t position) const {
    if (position >= filled()) return std::nullopt;
    const std::byte* const at = data_ + (position & mask_);
    const std::uint32_t length =
        std::atomic_ref(
            *reinterpret_cast<std::uint32_t*>(const_cast<std::byte*>(at)))
            .load(std::memory_order_acquire);
    if ((length & BPF_RINGBUF_BUSY_BIT) != 0) return std::nullopt;
    const std::uint32_t size = length & ~kFlags;
    Record record{.number = position + (size + kHeadSize + 7U) / 8U * 8U};
    if ((length & BPF_RINGBUF_DISCARD_BIT) != 0) return record;
    record.bytes = at + kHeadSize;
    record.size = size;
    return record;
  }

  /// Up to where everything is done with.
  [[nodiscard]] std::uint64_t released() const { return load(consumer_.get()); }
  void release(std::uint64_t position) {
    std::atomic_ref(*static_cast<std::uint64_t*>(consumer_.get()))
        .store(position, std::memory_order_release);
  }
  /// Up to where there is something.
  [[nodiscard]] std::uint64_t filled() const { return load(producer_.get()); }
  [[nodiscard]] bool is_empty() const { return released() == filled(); }
  [[nodiscard]] int fd() const { return ring_.get(); }

  /// Sets the word by which the next record wakes the reader. False: there is
  /// one already.
  [[nodiscard]] bool arm(std::uint32_t& word) const {
    std::atomic_ref(word).store(1, std::memory_order_seq_cst);
    if (is_empty()) return true;
    std::atomic_ref(word).store(0, std::memory_order_seq_cst);
    return false;
  }

 private:
  /// With the length of what stands behind it, bits and 8 bytes aligned.
  static constexpr std::size_t kHeadSize = BPF_RINGBUF_HDR_SZ;
  static constexpr std::uint32_t kFlags =
      BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT;

  // What the kernel and the program write meanwhile is read and written whole.
  static std::uint64_t load(const void* word) {
    return std::atomic_ref(
               *static_cast<std::uint64_t*>(const_cast<void*>(word)))
        .load(std::memory_order_acquire);
  }

  UniqueFd ring_;
  MappedRange consumer_;
  MappedRange producer_;
  const std::byte* data_ = nullptr;
  std::uint64_t mask_ = 0;
};

}  // namespace sys
