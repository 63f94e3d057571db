// SPDX-License-Identifier: Apache-2.0
#include "accounting/kernel_ring.h"

#include <linux/bpf.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <cerrno>
#include <utility>

namespace accounting {

namespace {

std::size_t page_size() {
  return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// What the kernel and the program write meanwhile is read and written whole.
std::uint64_t load(const void* word) {
  return std::atomic_ref(*static_cast<std::uint64_t*>(const_cast<void*>(word)))
      .load(std::memory_order_acquire);
}

/// With the length of what stands behind it, bits and 8 bytes aligned.
constexpr std::size_t kHeadSize = BPF_RINGBUF_HDR_SZ;
constexpr std::uint32_t kFlags = BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT;

}  // namespace

core::Result<KernelRing> KernelRing::open(sys::UniqueFd ring,
                                          sys::UniqueFd control) {
  const std::size_t page = page_size();
  KernelRing opened;
  opened.words_ = TRY(
      sys::MappedRange::map(control.get(), 0, page, PROT_READ | PROT_WRITE));
  opened.control_ = static_cast<corral_control*>(opened.words_.get());
  const std::uint64_t size = opened.control_->ring_size;
  if (!std::has_single_bit(size) || size < page ||
      opened.control_->ring_id == 0)
    return core::fail(EINVAL, "open", "the collector's ring");
  opened.consumer_ =
      TRY(sys::MappedRange::map(ring.get(), 0, page, PROT_READ | PROT_WRITE));
  // The data twice, so that each record lies in one piece.
  opened.producer_ = TRY(sys::MappedRange::map(
      ring.get(), page, page + 2 * static_cast<std::size_t>(size), PROT_READ));
  opened.data_ = static_cast<const std::byte*>(opened.producer_.get()) + page;
  opened.mask_ = size - 1;
  opened.ring_ = std::move(ring);
  opened.control_fd_ = std::move(control);
  return opened;
}

std::uint64_t KernelRing::released() const {
  return load(consumer_.get());
}

std::uint64_t KernelRing::filled() const {
  return load(producer_.get());
}

void KernelRing::release(std::uint64_t position) {
  std::atomic_ref(*static_cast<std::uint64_t*>(consumer_.get()))
      .store(position, std::memory_order_release);
}

std::optional<KernelRing::Record> KernelRing::read(
    std::uint64_t position) const {
  if (position >= filled()) return std::nullopt;
  const std::byte* const at = data_ + (position & mask_);
  const std::uint32_t length =
      std::atomic_ref(
          *reinterpret_cast<std::uint32_t*>(const_cast<std::byte*>(at)))
          .load(std::memory_order_acquire);
  if ((length & BPF_RINGBUF_BUSY_BIT) != 0) return std::nullopt;
  const std::uint64_t size = ((length & ~kFlags) + kHeadSize + 7U) / 8U * 8U;
  Record record{.exit = nullptr, .number = position + size};
  if ((length & BPF_RINGBUF_DISCARD_BIT) == 0 &&
      (length & ~kFlags) >= sizeof(corral_exit))
    record.exit = reinterpret_cast<const corral_exit*>(at + kHeadSize);
  return record;
}

bool KernelRing::arm() {
  std::atomic_ref(control_->is_armed).store(1, std::memory_order_seq_cst);
  if (is_empty()) return true;
  std::atomic_ref(control_->is_armed).store(0, std::memory_order_seq_cst);
  return false;
}

}  // namespace accounting
