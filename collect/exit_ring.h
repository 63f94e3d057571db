// SPDX-License-Identifier: Apache-2.0
// A ring in shared memory that is laid out as the kernel's own
// (sys/bpf_ring.h), for a collector that is a process: the scribe reads both
// alike. One writer.
#pragma once

#include <linux/bpf.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "accounting/kernel_exit.h"
#include "core/error.h"
#include "sys/bpf_map.h"
#include "sys/unique_fd.h"

namespace collect {

class ExitRing {
 public:
  ExitRing() = default;
  /// Takes its parts: of a memfd each, and the eventfd that wakes the reader.
  /// Errors: EINVAL for what is no ring; those of mmap(2).
  [[nodiscard]] static core::Result<ExitRing> open(sys::UniqueFd ring,
                                                   const sys::UniqueFd& control,
                                                   sys::UniqueFd wake) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    ExitRing opened;
    opened.words_ = TRY(
        sys::MappedRange::map(control.get(), 0, page, PROT_READ | PROT_WRITE));
    const std::uint64_t size = opened.control().ring_size;
    if (opened.control().ring_id == 0 || size == 0)
      return core::fail(EINVAL, "open", "the collector's ring");
    opened.memory_ = TRY(sys::MappedRange::map(
        ring.get(), 0, 2 * page + 2 * static_cast<std::size_t>(size),
        PROT_READ | PROT_WRITE));
    auto* const bytes = static_cast<std::byte*>(opened.memory_.get());
    opened.consumer_ = reinterpret_cast<std::uint64_t*>(bytes);
    opened.producer_ = reinterpret_cast<std::uint64_t*>(bytes + page);
    opened.data_ = bytes + 2 * page;
    opened.wake_ = std::move(wake);
    return opened;
  }

  /// False: there is no room for it; that is counted.
  [[nodiscard]] bool push(const corral_exit& exit) {
    constexpr std::uint64_t kWhole = BPF_RINGBUF_HDR_SZ + sizeof exit;
    static_assert(kWhole % 8 == 0);
    corral_control& state = control();
    const std::uint64_t at = *producer_;
    const std::uint64_t done =
        std::atomic_ref(*consumer_).load(std::memory_order_acquire);
    if (at + kWhole - done > state.ring_size - 1) {
      std::atomic_ref(state.lost).fetch_add(1);
      return false;
    }
    // Over the end of it if need be: behind that it is there once more, and the
    // reader reads on.
    std::byte* const to = data_ + (at & (state.ring_size - 1));
    const std::uint32_t head[2] = {sizeof exit, 0};
    std::memcpy(to, head, sizeof head);
    std::memcpy(to + sizeof head, &exit, sizeof exit);
    std::atomic_ref(*producer_).store(at + kWhole, std::memory_order_seq_cst);
    wake_if_due(at + kWhole - done);
    return true;
  }

 private:
  corral_control& control() {
    return *static_cast<corral_control*>(words_.get());
  }
  void wake_if_due(std::uint64_t waiting) {
    corral_control& state = control();
    bool is_due = std::atomic_ref(state.is_armed).exchange(0) != 0;
    if (!is_due && waiting > state.wake_at)
      is_due = std::atomic_ref(state.is_pressed).exchange(1) == 0;
    constexpr std::uint64_t kOne = 1;
    if (is_due) (void)::write(wake_.get(), &kOne, sizeof kOne);
  }

  sys::MappedRange words_;
  sys::MappedRange memory_;
  std::uint64_t* consumer_ = nullptr;
  std::uint64_t* producer_ = nullptr;
  std::byte* data_ = nullptr;
  sys::UniqueFd wake_;
};

}  // namespace collect
