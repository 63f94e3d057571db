// SPDX-License-Identifier: Apache-2.0
// Closed accounting files packed by zstd (RFC 8878): in frames of a few
// megabytes, each with a checksum, as zstd(1) reads and writes them. Known by
// their first bytes, not by their names.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "sys/unique_fd.h"

namespace accounting {

inline constexpr std::string_view kPackedEnding = ".zst";
/// Beside errno values: one that nothing gives which reads a regular file.
inline constexpr int kDamagedPack = EBADMSG;

/// Takes the next bytes; an error ends the work.
using ByteSink = std::function<core::Result<void>(std::span<const std::byte>)>;

/// Gives the packed bytes of all of `file` to `sink`. Errors: those of
/// pread(2), ENOMEM.
[[nodiscard]] core::Result<void> pack(int file, const ByteSink& sink);

/// The other way. Errors: those of pread(2); kDamagedPack for bytes that are
/// damaged or cut off; EFBIG for what swells as no
/// accounting file does.
[[nodiscard]] core::Result<void> unpack(int packed, const ByteSink& sink);

/// Begins the file as zstd's own do? Errors: those of pread(2).
[[nodiscard]] core::Result<bool> is_packed(int file);

/// What a packed file holds, from its beginning on, in bounded memory.
class UnpackStream {
 public:
  /// Reads `packed`, which lives longer.
  explicit UnpackStream(int packed);
  UnpackStream(UnpackStream&& other) noexcept;
  UnpackStream& operator=(UnpackStream&& other) noexcept;
  ~UnpackStream();

  /// The next bytes; fewer than there is room for only at the end. Errors as
  /// those of unpack().
  [[nodiscard]] core::Result<std::size_t> read(std::span<std::byte> room);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Does `packed` hold `file`, byte for byte? Errors: those of pread(2).
[[nodiscard]] core::Result<bool> holds(int packed, int file);

/// The frames of a packed file, each of which can be unpacked by itself, so
/// that a reader may go to any place.
class PackedFrames {
 public:
  /// Unpacks all of it once, as damage must be known before anything is
  /// believed. Nothing: its frames are too large to be kept in memory, too
  /// small, or do not tell their size. Errors: as those of unpack().
  [[nodiscard]] static core::Result<std::optional<PackedFrames>> of(int packed);

  /// Bytes that the file holds, and its largest frame.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] std::size_t largest() const { return largest_; }

  [[nodiscard]] std::size_t count() const { return frames_.size(); }
  /// The frame that a byte is in, below size().
  [[nodiscard]] std::size_t frame_of(std::uint64_t offset) const;
  /// Where it begins in what the file holds.
  [[nodiscard]] std::uint64_t begin_of(std::size_t frame) const {
    return frames_[frame].begin;
  }
  /// Unpacks a frame; returns its bytes, at most largest(). Errors: as those of
  /// unpack(), for a file that has changed since.
  [[nodiscard]] core::Result<std::size_t> unpack(
      int packed, std::size_t frame, std::span<std::byte> room) const;

 private:
  struct Frame {
    std::uint64_t begin = 0;  ///< of what it holds
    std::uint64_t at = 0;     ///< in the file
    std::uint32_t size = 0;   ///< likewise
    std::uint32_t length = 0;
  };
  std::vector<Frame> frames_;
  std::uint64_t size_ = 0;
  std::size_t largest_ = 0;
};

/// Bytes that it holds; all of it is unpacked once, as damage must be known
/// before anything is believed. Errors: as those of unpack().
[[nodiscard]] core::Result<std::uint64_t> unpacked_size(int packed);

/// A file without a name that has what `file` holds, or `file` itself if it is
/// not packed.
[[nodiscard]] core::Result<sys::UniqueFd> unpacked(sys::UniqueFd file);

}  // namespace accounting
