// SPDX-License-Identifier: Apache-2.0
// PidTable: one byte for each possible pid, all 0 at first, in memory that is
// touched only where processes are.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>

#include "core/error.h"
#include "core/ids.h"

namespace sys {

class PidTable {
 public:
  PidTable() = default;
  PidTable(const PidTable&) = delete;
  PidTable& operator=(const PidTable&) = delete;
  ~PidTable() {
    if (bytes_ != nullptr) (void)::munmap(bytes_, kMostPids);
  }

  /// Makes it, or makes all bytes 0 again. Errors: ENOMEM.
  [[nodiscard]] core::Result<void> clear() {
    if (bytes_ != nullptr) {
      (void)::madvise(bytes_, kMostPids, MADV_DONTNEED);
      return {};
    }
    void* const memory =
        ::mmap(nullptr, kMostPids, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return core::fail(errno, "mmap");
    bytes_ = static_cast<std::uint8_t*>(memory);
    return {};
  }

  [[nodiscard]] bool is_made() const { return bytes_ != nullptr; }

  /// After clear() only.
  [[nodiscard]] std::uint8_t& operator[](std::int32_t pid) {
    return bytes_[static_cast<std::size_t>(pid) % kMostPids];
  }

 private:
  static constexpr std::size_t kMostPids = 4194304;  // PID_MAX_LIMIT, 64 bits

  std::uint8_t* bytes_ = nullptr;
};

}  // namespace sys
