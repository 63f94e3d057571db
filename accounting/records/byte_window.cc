// SPDX-License-Identifier: Apache-2.0
#include "accounting/records/byte_window.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "accounting/append.h"
#include "accounting/packed_file.h"
#include "accounting/settled_end.h"
#include "sys/nameless_file.h"

namespace accounting {

namespace {

constexpr std::size_t kBufferSize = 512U << 10;
constexpr std::uint64_t kAlignment = 64;

/// Not those that somebody ends: a terminal, and the null device.
bool is_endless(const sys::UniqueFd& file, const struct stat& status) {
  if (S_ISBLK(status.st_mode)) return true;
  const dev_t null_device = ::makedev(1, 3);
  return S_ISCHR(status.st_mode) && status.st_rdev != null_device &&
         ::isatty(file.get()) == 0;
}

/// What comes out of a pipe, as a file.
core::Result<sys::UniqueFd> spooled(const sys::UniqueFd& pipe) {
  auto file = TRY(sys::nameless_file());
  std::vector<std::byte> buffer(kBufferSize);
  for (;;) {
    const ssize_t n = ::read(pipe.get(), buffer.data(), buffer.size());
    if (n == 0) return file;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return core::fail(errno, "read");
    TRY(sys::write_all(file.get(),
                       std::span(buffer).first(static_cast<std::size_t>(n))));
  }
}

}  // namespace

ByteWindow::ByteWindow(sys::UniqueFd file, std::uint64_t size, Frames frames)
    : file_(std::move(file)), size_(size), frames_(std::move(frames)) {}

core::Result<ByteWindow> ByteWindow::open(const char* path) {
  sys::UniqueFd file(::open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file.is_open()) return core::fail(errno, "open", path);
  return of(std::move(file));
}

core::Result<ByteWindow> ByteWindow::of(sys::UniqueFd file) {
  struct stat status = {};
  if (::fstat(file.get(), &status) < 0) return core::fail(errno, "fstat");
  if (!S_ISREG(status.st_mode)) {
    if (S_ISDIR(status.st_mode)) return core::fail(EISDIR, "read");
    if (is_endless(file, status)) return core::fail(kNotRegular, "read");
    file = TRY(spooled(file));
  }
  if (TRY(is_packed(file.get()))) {
    if (auto frames = TRY(PackedFrames::of(file.get()))) {
      const std::uint64_t size = frames->size();
      return ByteWindow(std::move(file), size,
                        std::make_shared<PackedFrames>(std::move(*frames)));
    }
    const std::uint64_t size = TRY(unpacked_size(file.get()));
    ByteWindow window(std::move(file), size, nullptr);
    window.is_stream_ = true;
    return window;
  }
  const std::uint64_t size = TRY(settled_end(file.get()));
  ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return ByteWindow(std::move(file), size, nullptr);
}

core::Result<ByteWindow> ByteWindow::twin() const {
  sys::UniqueFd copy(::fcntl(file_.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy.is_open()) return core::fail(errno, "dup");
  ByteWindow window(std::move(copy), size_, frames_);
  window.is_stream_ = is_stream_;
  return window;
}

/// Unpacks the frame that `offset` is in, and those behind it as far as they
/// are wanted; what is in the buffer already is not unpacked again.
void ByteWindow::refill_by_frames(std::uint64_t offset, std::size_t wanted) {
  const std::size_t frame = frames_->frame_of(offset);
  if (frame >= first_frame_ && frame < last_frame_) {
    const auto passed =
        static_cast<std::size_t>(frames_->begin_of(frame) - begin_);
    held_ -= passed;
    std::memmove(buffer_.get(), buffer_.get() + passed, held_);
  } else {
    held_ = 0;
    last_frame_ = frame;
  }
  first_frame_ = frame;
  begin_ = frames_->begin_of(frame);
  while (begin_ + held_ < offset + wanted && last_frame_ < frames_->count()) {
    const auto made =
        frames_->unpack(file_.get(), last_frame_, buffer().subspan(held_));
    if (!made) {
      error_ = made.error().code;
      return;
    }
    held_ += *made;
    ++last_frame_;
  }
}

/// Begins the stream anew; false: it did so too often, and is a plain file now.
bool ByteWindow::go_back() {
  begin_ = 0;
  held_ = 0;
  if (++returns_ <= kMostReturns) {
    stream_ = std::make_unique<UnpackStream>(file_.get());
    return true;
  }
  stream_.reset();
  is_stream_ = false;
  if (auto plain = unpacked(std::move(file_)))
    file_ = std::move(*plain);
  else
    error_ = plain.error().code;
  return false;
}

/// Takes up to `most` of the next bytes to the end of the buffer; false: there
/// are none.
bool ByteWindow::draw(std::size_t most) {
  const std::size_t room = std::min(most, room_ - held_);
  const auto made = stream_->read(buffer().subspan(held_, room));
  if (!made) error_ = made.error().code;
  held_ += made.value_or(0);
  return made && *made > 0;
}

/// Moves the window forwards, and keeps some of what is before `offset`: who
/// reads in blocks goes back a little.
void ByteWindow::refill_by_stream(std::uint64_t offset) {
  std::uint64_t from = offset - offset % kAlignment;
  from -= std::min<std::uint64_t>(from, kReach);
  const bool is_before = stream_ == nullptr || offset < begin_;
  if (is_before && !go_back()) return refill_plainly(offset, 0);
  while (begin_ + held_ < from) {
    begin_ += held_;
    held_ = 0;
    if (!draw(static_cast<std::size_t>(
            std::min<std::uint64_t>(from - begin_, room_))))
      return;
  }
  if (from > begin_) {
    const auto passed = static_cast<std::size_t>(from - begin_);
    held_ -= passed;
    std::memmove(buffer_.get(), buffer_.get() + passed, held_);
    begin_ = from;
  }
  while (held_ < room_ && draw(room_))
    ;
}

/// Moves the window so that `offset` is near its begin when the file is read
/// forwards, near its end when it is read backwards.
void ByteWindow::refill_plainly(std::uint64_t offset, std::size_t wanted) {
  const bool is_backwards = held_ > 0 && offset < begin_;
  std::uint64_t from = offset;
  if (is_backwards && offset + wanted > kBufferSize)
    from = offset + wanted - kBufferSize;
  else if (is_backwards)
    from = 0;
  from -= from % kAlignment;
  begin_ = from;
  held_ = 0;
  const std::uint64_t needed = offset - from + wanted;
  const std::uint64_t most =
      std::min<std::uint64_t>({room_, size_ - std::min(from, size_),
                               std::max<std::uint64_t>(needed, ahead_)});
  while (held_ < most) {
    const ssize_t n = ::pread(file_.get(), buffer_.get() + held_, most - held_,
                              static_cast<off_t>(begin_ + held_));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) error_ = errno;
    if (n <= 0) break;
    held_ += static_cast<std::size_t>(n);
  }
}

std::span<const std::byte> ByteWindow::refill(std::uint64_t offset,
                                              std::size_t wanted) {
  if ((frames_ || is_stream_) && offset >= size_) return {};
  if (!buffer_) {
    const auto most =
        static_cast<std::size_t>(std::min<std::uint64_t>(kBufferSize, size_));
    room_ = (frames_ ? 2 * frames_->largest() : most) + kReach;
    buffer_ = std::make_unique_for_overwrite<std::byte[]>(room_);
  }
  if (frames_)
    refill_by_frames(offset, wanted);
  else if (is_stream_)
    refill_by_stream(offset);
  else
    refill_plainly(offset, wanted);
  const std::uint64_t skipped = offset - begin_;
  if (skipped >= held_) return {};
  return buffer().subspan(skipped,
                          std::min<std::size_t>(wanted, held_ - skipped));
}

}  // namespace accounting
