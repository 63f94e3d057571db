// SPDX-License-Identifier: Apache-2.0
// A file of any size seen through a window that moves. Bytes are copied with
// pread(2), never mapped: a file that is cut off while it is read ends early,
// and nothing more. Offsets within the window keep their alignment. What
// `corral archive` packed is unpacked frame by frame into the window. Frames of
// another size, as zstd(1) makes them, are unpacked as a stream as long as the
// window moves forwards; who goes back often gets a file without a name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "accounting/packed_file.h"
#include "core/error.h"
#include "sys/unique_fd.h"

namespace accounting {

class ByteWindow {
 public:
  /// Sees `file` from its first byte on. A pipe or a terminal is first copied
  /// into a file without a name; a device that may have no end is kNotRegular
  /// (accounting/append.h), the null device is empty.
  [[nodiscard]] static core::Result<ByteWindow> open(const char* path);
  [[nodiscard]] static core::Result<ByteWindow> of(sys::UniqueFd file);
  /// Another window on the same file.
  [[nodiscard]] core::Result<ByteWindow> twin() const;

  /// Bytes of the file when it was opened (accounting/settled_end.h): more of
  /// them are never seen.
  [[nodiscard]] std::uint64_t size() const { return size_; }

  /// Does it cost all that is before a byte to go to that byte? Then one window
  /// reads it best.
  [[nodiscard]] bool is_stream() const { return is_stream_; }
  /// Does it cost nothing but its own bytes to go to a byte?
  [[nodiscard]] bool is_plain() const { return !frames_ && !is_stream_; }

  /// For who goes far after a few bytes: a plain file is read no further ahead
  /// than that.
  void read_ahead(std::size_t bytes) { ahead_ = bytes; }

  /// Up to `wanted` bytes (at most kReach) from `offset` on: fewer only at the
  /// end of the file, or where it could not be read. They stay until the next
  /// call.
  [[nodiscard]] std::span<const std::byte> at(std::uint64_t offset,
                                              std::size_t wanted) {
    if (offset >= begin_ && offset + wanted <= begin_ + held_) [[likely]]
      return {buffer_.get() + (offset - begin_), wanted};
    return refill(offset, wanted);
  }

  /// The errno of the last read that failed; 0: none did.
  [[nodiscard]] int error() const { return error_; }

  static constexpr std::size_t kReach = 64U << 10;

 private:
  using Frames = std::shared_ptr<const PackedFrames>;
  static constexpr int kMostReturns = 8;
  ByteWindow(sys::UniqueFd file, std::uint64_t size, Frames frames);
  std::span<const std::byte> refill(std::uint64_t offset, std::size_t wanted);
  void refill_plainly(std::uint64_t offset, std::size_t wanted);
  void refill_by_frames(std::uint64_t offset, std::size_t wanted);
  void refill_by_stream(std::uint64_t offset);
  bool go_back();
  bool draw(std::size_t most);
  [[nodiscard]] std::span<std::byte> buffer() const {
    return {buffer_.get(), room_};
  }

  sys::UniqueFd file_;
  std::uint64_t size_;
  Frames frames_;  ///< null: it is not packed
  std::size_t first_frame_ = 0;
  std::size_t last_frame_ = 0;  ///< behind those that are in buffer_
  bool is_stream_ = false;
  std::unique_ptr<UnpackStream> stream_;  ///< null: not begun
  int returns_ = 0;                       ///< of it, to its begin
  std::size_t ahead_ = SIZE_MAX;
  std::unique_ptr<std::byte[]> buffer_;  ///< null: nothing was read yet
  std::size_t room_ = 0;                 ///< in it
  std::uint64_t begin_ = 0;              ///< the file's offset of buffer_[0]
  std::size_t held_ = 0;
  int error_ = 0;
};

}  // namespace accounting
