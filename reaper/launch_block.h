// SPDX-License-Identifier: Apache-2.0
// The launch block: all that a child needs between clone and exec, in one
// piece of memory without pointers. The supervisor writes it, the reaper reads
// it in place and distrusts every number in it.
//
//   LaunchHeader
//   u64 argv[argc + 1]     offsets of NUL-ended texts from the block's start;
//   u64 envp[envc + 1]     the last is 0. The child turns them into pointers
//                          in its own copy of the block.
//   LaunchLimit limits[limit_count]
//   u32 groups[group_count]
//   i32 targets[fd_count]  the numbers at which the child has descriptors, or
//                          kJoin: it writes "0" to it (a cgroup.procs, or what
//                          has it moved)
//   texts                  NUL-ended; the last byte of the block is NUL
//
// Descriptors beside the packet: [memfd of the block if it is not inline,]
// [the cgroup directory if kInCgroup,] then one for each target.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

namespace reaper {

struct LaunchLimit {
  std::int32_t resource = 0;
  std::uint32_t reserved = 0;
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};

struct LaunchHeader {
  enum Flags : std::uint32_t {
    kInCgroup = 1U << 0,    ///< the first descriptor is the cgroup directory
    kNewSession = 1U << 1,  ///< setsid(2)
    kSetUser = 1U << 2,     ///< uid, gid and groups are to be set
    kNoNewPrivileges = 1U << 3,
    kSetUmask = 1U << 4,
    kKeepSignals = 1U << 5,  ///< leave dispositions and mask as they are
  };
  std::uint32_t size = 0;  ///< of the whole block
  std::uint32_t flags = 0;
  std::uint32_t argc = 0;  ///< at least 1
  std::uint32_t envc = 0;
  std::uint32_t group_count = 0;
  std::uint32_t limit_count = 0;
  std::uint32_t fd_count = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t umask = 022;
  std::uint32_t cwd = 0;          ///< offset of a text
  std::uint32_t search_path = 0;  ///< offset of PATH's value; 0: no search
};
static_assert(sizeof(LaunchHeader) == 48);

inline constexpr std::uint32_t kMostArguments = 1U << 20;
inline constexpr std::uint32_t kMostGroups = 65536;  // NGROUPS_MAX
inline constexpr std::uint32_t kMostLimits = 16;     // RLIM_NLIMITS
inline constexpr std::uint32_t kMostTargets = 12;
/// A target that is no number: the child joins the cgroup (cgroups(7)).
inline constexpr std::int32_t kJoin = -1;
inline constexpr std::uint32_t kLargestBlock = 64U << 20;

/// Where the parts of a block begin, as offsets.
struct LaunchLayout {
  std::uint64_t argv = 0;
  std::uint64_t envp = 0;
  std::uint64_t groups = 0;
  std::uint64_t limits = 0;
  std::uint64_t targets = 0;
  std::uint64_t texts = 0;
};

/// The layout that follows from a header's counts, which must be in bounds.
constexpr LaunchLayout layout_of(const LaunchHeader& header) {
  LaunchLayout layout;
  layout.argv = sizeof(LaunchHeader);
  layout.envp = layout.argv + 8 * (std::uint64_t{header.argc} + 1);
  layout.limits = layout.envp + 8 * (std::uint64_t{header.envc} + 1);
  layout.groups =
      layout.limits + sizeof(LaunchLimit) * std::uint64_t{header.limit_count};
  layout.targets = layout.groups + 4 * std::uint64_t{header.group_count};
  layout.texts = layout.targets + 4 * std::uint64_t{header.fd_count};
  return layout;
}

/// A block whose every count and offset was checked. Points into the block.
class LaunchBlock {
 public:
  /// Nothing if any count, offset or text is out of bounds.
  [[nodiscard]] static std::optional<LaunchBlock> check(
      std::span<const std::byte> bytes) {
    LaunchBlock block;
    if (bytes.size() < sizeof(LaunchHeader) || bytes.size() > kLargestBlock)
      return std::nullopt;
    std::memcpy(&block.header_, bytes.data(), sizeof block.header_);
    const LaunchHeader& header = block.header_;
    if (header.size != bytes.size() || header.argc == 0 ||
        header.argc > kMostArguments || header.envc > kMostArguments ||
        header.group_count > kMostGroups || header.limit_count > kMostLimits ||
        header.fd_count > kMostTargets)
      return std::nullopt;
    block.layout_ = layout_of(header);
    if (block.layout_.texts >= bytes.size()) return std::nullopt;
    if (bytes.back() != std::byte{0}) return std::nullopt;
    block.bytes_ = bytes;
    if (!block.has_good_texts()) return std::nullopt;
    return block;
  }

  [[nodiscard]] const LaunchHeader& header() const { return header_; }
  [[nodiscard]] const LaunchLayout& layout() const { return layout_; }
  [[nodiscard]] bool has(LaunchHeader::Flags flag) const {
    return (header_.flags & flag) != 0;
  }
  [[nodiscard]] const char* text_at(std::uint64_t offset) const {
    return reinterpret_cast<const char*>(bytes_.data() + offset);
  }
  [[nodiscard]] LaunchLimit limit(std::uint32_t index) const {
    return read<LaunchLimit>(layout_.limits, index);
  }
  [[nodiscard]] std::int32_t target(std::uint32_t index) const {
    return read<std::int32_t>(layout_.targets, index);
  }
  /// The offset of an argument (0 .. argc - 1).
  [[nodiscard]] std::uint64_t argument(std::uint32_t index) const {
    return read<std::uint64_t>(layout_.argv, index);
  }
  [[nodiscard]] std::uint64_t variable(std::uint32_t index) const {
    return read<std::uint64_t>(layout_.envp, index);
  }

 private:
  template <class T>
  [[nodiscard]] T read(std::uint64_t offset, std::uint64_t index) const {
    T value;
    std::memcpy(&value, bytes_.data() + offset + index * sizeof(T),
                sizeof value);
    return value;
  }

  [[nodiscard]] bool is_text(std::uint64_t offset) const {
    return offset >= layout_.texts && offset < bytes_.size();
  }

  [[nodiscard]] bool has_good_texts() const {
    for (std::uint32_t i = 0; i < header_.argc; ++i)
      if (!is_text(argument(i))) return false;
    for (std::uint32_t i = 0; i < header_.envc; ++i)
      if (!is_text(variable(i))) return false;
    if (argument(header_.argc) != 0 || variable(header_.envc) != 0)
      return false;
    for (std::uint32_t i = 0; i < header_.fd_count; ++i)
      if (target(i) < kJoin || target(i) > 1023) return false;
    return is_text(header_.cwd) &&
           (header_.search_path == 0 || is_text(header_.search_path));
  }

  LaunchHeader header_;
  LaunchLayout layout_;
  std::span<const std::byte> bytes_;
};

}  // namespace reaper
