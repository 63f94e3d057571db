// SPDX-License-Identifier: Apache-2.0
#include "accounting/build/placed_bytes.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace accounting::build {

PlacedBytes::PlacedBytes(int file, std::uint64_t size, std::size_t room)
    : file_(file),
      size_(size),
      most_(static_cast<std::size_t>(
          std::min<std::uint64_t>(room, size + kMost))),
      bytes_(std::make_unique_for_overwrite<char[]>(most_)) {}

char* PlacedBytes::room(std::uint64_t offset, std::size_t size) {
  const bool is_full = most_ - used_ < size;
  if (is_full || (used_ >= kPlenty && pieces_.size() == 1)) flush();
  offset_ = offset;
  return bytes_.get() + used_;
}

void PlacedBytes::keep(std::size_t size) {
  if (offset_ > size_ || size > size_ - offset_) {
    if (error_ == 0) error_ = EFBIG;
    return;
  }
  const bool goes_on = !pieces_.empty() &&
                       pieces_.back().offset + pieces_.back().size == offset_;
  if (goes_on) {
    pieces_.back().size += static_cast<std::uint32_t>(size);
  } else {
    if (!pieces_.empty() && pieces_.back().offset > offset_)
      is_ordered_ = false;
    pieces_.push_back({.offset = offset_,
                       .at = static_cast<std::uint32_t>(used_),
                       .size = static_cast<std::uint32_t>(size)});
  }
  used_ += size;
}

/// Pieces that lie side by side in the file.
void PlacedBytes::write_run(std::size_t first, std::size_t last) {
  constexpr std::size_t kParts = 512;
  std::array<iovec, kParts> parts = {};
  std::uint64_t offset = pieces_[first].offset;
  while (first < last && error_ == 0) {
    const std::size_t count = std::min(kParts, last - first);
    for (std::size_t i = 0; i < count; ++i) {
      const Piece& piece = pieces_[first + i];
      parts[i] = {.iov_base = bytes_.get() + piece.at, .iov_len = piece.size};
    }
    const ssize_t n = ::pwritev(file_, parts.data(), static_cast<int>(count),
                                static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) error_ = errno;
    if (n <= 0) return;
    offset += static_cast<std::uint64_t>(n);
    auto left = static_cast<std::size_t>(n);
    // What a short write left of a piece is written by the next one.
    while (first < last && left >= pieces_[first].size)
      left -= pieces_[first++].size;
    if (left > 0) {
      pieces_[first].at += static_cast<std::uint32_t>(left);
      pieces_[first].size -= static_cast<std::uint32_t>(left);
    }
  }
}

/// Lets the disk begin: whoever syncs the file at its end would wait for all of
/// it. What does not know this call does without.
void PlacedBytes::begin_writeback() {
  const std::uint64_t begin = pieces_.front().offset;
  const std::uint64_t end = pieces_.back().offset + pieces_.back().size;
  (void)::sync_file_range(file_, static_cast<off_t>(begin),
                          static_cast<off_t>(end - begin),
                          SYNC_FILE_RANGE_WRITE);
}

void PlacedBytes::flush() {
  if (!is_ordered_)
    std::ranges::sort(pieces_, {},
                      [](const Piece& piece) { return piece.offset; });
  for (std::size_t first = 0; first < pieces_.size();) {
    std::size_t last = first + 1;
    while (last < pieces_.size() &&
           pieces_[last - 1].offset + pieces_[last - 1].size ==
               pieces_[last].offset)
      ++last;
    write_run(first, last);
    first = last;
  }
  if (used_ > 0 && !pieces_.empty()) begin_writeback();
  pieces_.clear();
  used_ = 0;
  is_ordered_ = true;
}

}  // namespace accounting::build
