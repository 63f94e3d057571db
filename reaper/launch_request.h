// SPDX-License-Identifier: Apache-2.0
// LaunchRequest: a launch packet that was checked to the last offset, and the
// descriptors that came with it. Its block lies in the packet or in a sealed
// memfd that is mapped privately: the child makes pointers in its own copy.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

#include "reaper/launch_block.h"
#include "reaper/protocol.h"
#include "sys/file_size.h"
#include "sys/message_socket.h"
#include "sys/unique_fd.h"

namespace reaper {

/// A private, writable view of a sealed memfd.
class BlockMapping {
 public:
  BlockMapping() = default;
  BlockMapping(BlockMapping&& other) noexcept
      : bytes_(std::exchange(other.bytes_, {})) {}
  BlockMapping& operator=(BlockMapping&&) = delete;
  BlockMapping(const BlockMapping&) = delete;
  BlockMapping& operator=(const BlockMapping&) = delete;
  ~BlockMapping() {
    if (!bytes_.empty()) (void)::munmap(bytes_.data(), bytes_.size());
  }

  /// errno: EBADMSG unless it is a memfd whose size and content cannot change.
  [[nodiscard]] int map(int memfd, std::size_t size) {
    constexpr int kNeeded = F_SEAL_SHRINK | F_SEAL_WRITE;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg): the call is so
    const int seals = ::fcntl(memfd, F_GET_SEALS);
    if (seals < 0 || (seals & kNeeded) != kNeeded ||
        sys::size_of(memfd) != std::uint64_t{size})
      return EBADMSG;
    void* const at =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, memfd, 0);
    if (at == MAP_FAILED) return errno;
    bytes_ = {static_cast<std::byte*>(at), size};
    return 0;
  }
  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

 private:
  std::span<std::byte> bytes_;
};

class LaunchRequest {
 public:
  /// Takes a launch apart. `body` must be writable memory, aligned to 8 bytes
  /// at the block. Returns 0, or the errno of stage kDecode: EBADMSG for a
  /// damaged request, EMFILE if its descriptors did not fit into our table.
  [[nodiscard]] int read(const Launch& launch, std::span<std::byte> after_head,
                         std::span<const sys::UniqueFd> fds, bool was_cut) {
    if (was_cut) return EMFILE;
    std::span<std::byte> bytes = after_head;
    if (launch.block_size > kInlineBlock) {
      if (launch.block_size > kLargestBlock || fds.empty() || !bytes.empty())
        return EBADMSG;
      const int code = mapping_.map(fds[0].get(), launch.block_size);
      if (code != 0) return code;
      bytes = mapping_.bytes();
      fds = fds.subspan(1);
    }
    if (bytes.size() != launch.block_size) return EBADMSG;
    const auto block = LaunchBlock::check(bytes);
    if (!block) return EBADMSG;
    block_ = *block;
    memory_ = bytes;
    return take_descriptors(fds);
  }

  [[nodiscard]] const LaunchBlock& block() const { return block_; }
  [[nodiscard]] std::span<std::byte> memory() const { return memory_; }
  [[nodiscard]] int cgroup() const { return cgroup_; }
  [[nodiscard]] std::span<const int> descriptors() const {
    return std::span(descriptors_).first(count_);
  }

 private:
  [[nodiscard]] int take_descriptors(std::span<const sys::UniqueFd> fds) {
    if (block_.has(LaunchHeader::kInCgroup)) {
      if (fds.empty()) return EBADMSG;
      cgroup_ = fds[0].get();
      fds = fds.subspan(1);
    }
    if (fds.size() != block_.header().fd_count) return EBADMSG;
    for (const sys::UniqueFd& fd : fds)
      descriptors_[count_++] = fd.get();
    return 0;
  }

  BlockMapping mapping_;
  LaunchBlock block_;
  std::span<std::byte> memory_;
  int cgroup_ = -1;
  int descriptors_[kMostTargets] = {};
  std::size_t count_ = 0;
};

}  // namespace reaper
