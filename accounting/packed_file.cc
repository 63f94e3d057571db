// SPDX-License-Identifier: Apache-2.0
#include "accounting/packed_file.h"

#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "sys/nameless_file.h"

namespace accounting {

namespace {

constexpr std::size_t kFrame = 4U << 20;  // bytes, before they are packed
constexpr std::size_t kPiece = 256U << 10;
/// Packs an accounting file to a few hundredths at the pace of a disk.
constexpr int kLevel = 9;
// What is packed more than so much was made to fill the disk of its reader.
constexpr std::uint64_t kMostSwelling = 1000;
constexpr std::uint64_t kAlwaysRead = 64U << 20;

using Packer = std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)>;
using Unpacker = std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)>;

/// As much as fits, or what is left of the file.
core::Result<std::size_t> read_at(int file, std::span<std::byte> room,
                                  std::uint64_t offset) {
  std::size_t held = 0;
  while (held < room.size()) {
    const ssize_t n = ::pread(file, room.data() + held, room.size() - held,
                              static_cast<off_t>(offset + held));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return core::fail(errno, "read");
    if (n == 0) break;
    held += static_cast<std::size_t>(n);
  }
  return held;
}

}  // namespace

core::Result<bool> is_packed(int file) {
  constexpr std::uint32_t kSkippable = 0x184D2A50U;  // to 0x184D2A5F
  std::byte bytes[4] = {};
  const auto size = read_at(file, bytes, 0);
  // What comes out of a pipe is kept in a file before it is looked at.
  if (!size && size.error().code == ESPIPE) return false;
  if (TRY(size) < sizeof bytes) return false;
  std::uint32_t magic = 0;
  for (unsigned i = 0; i < sizeof bytes; ++i)
    magic |= std::to_integer<std::uint32_t>(bytes[i]) << (8U * i);
  return magic == ZSTD_MAGICNUMBER || (magic & ~15U) == kSkippable;
}

core::Result<void> pack(int file, const ByteSink& sink) {
  const Packer packer(ZSTD_createCCtx(), ZSTD_freeCCtx);
  if (!packer) return core::fail(ENOMEM, "pack");
  ZSTD_CCtx_setParameter(packer.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(packer.get(), ZSTD_c_checksumFlag, 1);
  std::vector<std::byte> plain(kFrame);
  std::vector<std::byte> packed(ZSTD_compressBound(kFrame));
  for (std::uint64_t offset = 0;;) {
    const std::size_t size = TRY(read_at(file, plain, offset));
    if (size == 0 && offset > 0) return {};
    const std::size_t result = ZSTD_compress2(
        packer.get(), packed.data(), packed.size(), plain.data(), size);
    if (ZSTD_isError(result) != 0) return core::fail(ENOMEM, "pack");
    TRY(sink(std::span(packed).first(result)));
    if (size == 0) return {};  // an empty file is one empty frame
    offset += size;
  }
}

struct UnpackStream::State {
  int packed;
  Unpacker unpacker;
  std::vector<std::byte> in;
  ZSTD_inBuffer input = {};
  std::uint64_t read = 0;
  std::uint64_t made = 0;
  std::size_t wanted = 0;  ///< 0: a frame is complete
  /// A call behind the end of a frame would ask for another one.
  bool is_flushed = true;

  core::Result<bool> fill();
};

/// False: the file is at its end.
core::Result<bool> UnpackStream::State::fill() {
  if (in.empty()) in.resize(kPiece);
  const std::size_t size = TRY(read_at(packed, in, read));
  read += size;
  input = {.src = in.data(), .size = size, .pos = 0};
  is_flushed = size == 0;
  if (size == 0 && wanted != 0) return core::fail(kDamagedPack, "unpack");
  return size > 0;
}

UnpackStream::UnpackStream(int packed)
    : state_(new State{.packed = packed,
                       .unpacker = Unpacker(ZSTD_createDCtx(), ZSTD_freeDCtx),
                       .in = {}}) {}
UnpackStream::UnpackStream(UnpackStream&& other) noexcept = default;
UnpackStream& UnpackStream::operator=(UnpackStream&& other) noexcept = default;
UnpackStream::~UnpackStream() = default;

core::Result<std::size_t> UnpackStream::read(std::span<std::byte> room) {
  State& state = *state_;
  if (!state.unpacker) return core::fail(ENOMEM, "unpack");
  ZSTD_outBuffer output = {.dst = room.data(), .size = room.size(), .pos = 0};
  while (output.pos < output.size) {
    if (state.input.pos == state.input.size && state.is_flushed &&
        !TRY(state.fill()))
      break;
    const std::size_t before = output.pos;
    state.wanted =
        ZSTD_decompressStream(state.unpacker.get(), &output, &state.input);
    if (ZSTD_isError(state.wanted) != 0)
      return core::fail(kDamagedPack, "unpack");
    state.is_flushed = state.wanted == 0 || output.pos < output.size;
    state.made += output.pos - before;
    if (state.made > kAlwaysRead && state.made / kMostSwelling > state.read)
      return core::fail(EFBIG, "unpack");
  }
  return output.pos;
}

core::Result<void> unpack(int packed, const ByteSink& sink) {
  UnpackStream stream(packed);
  std::vector<std::byte> out(kPiece);
  for (;;) {
    const std::size_t size = TRY(stream.read(out));
    TRY(sink(std::span(out).first(size)));
    if (size < out.size()) return {};
  }
}

namespace {

/// What stands at the begin of `bytes`; nothing: it cannot be told without
/// more than they are.
struct FrameSize {
  std::size_t packed;
  std::uint64_t plain;
};
std::optional<FrameSize> frame_size(std::span<const std::byte> bytes) {
  const std::size_t packed =
      ZSTD_findFrameCompressedSize(bytes.data(), bytes.size());
  if (ZSTD_isError(packed) != 0) return std::nullopt;
  const auto plain = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (plain == ZSTD_CONTENTSIZE_UNKNOWN || plain == ZSTD_CONTENTSIZE_ERROR)
    return std::nullopt;
  return FrameSize{.packed = packed, .plain = plain};
}

/// Bytes that nobody has written yet; what is there is lost when it grows.
class Room {
 public:
  explicit Room(std::size_t size) { reach(size); }
  void reach(std::size_t size) {
    if (size <= size_) return;
    bytes_ = std::make_unique_for_overwrite<std::byte[]>(size);
    size_ = size;
  }
  [[nodiscard]] std::span<std::byte> bytes() const {
    return {bytes_.get(), size_};
  }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_ = 0;
};

}  // namespace

core::Result<std::optional<PackedFrames>> PackedFrames::of(int packed) {
  constexpr std::uint64_t kLargest = 8U << 20;
  constexpr std::uint64_t kSmallest = 64U << 10;  // of all but the last
  constexpr std::size_t kUsual = 1U << 20;        // of a packed frame
  constexpr std::uint64_t kUnit = 64;  // that a window keeps the alignment of
  // As large as the frames are, and not zeroed: most files are small.
  Room in(kUsual);
  Room out(0);
  PackedFrames frames;
  std::uint64_t at = 0;
  bool is_last = false;
  for (;;) {
    std::size_t held = TRY(read_at(packed, in.bytes().first(kUsual), at));
    if (held == 0) break;
    auto size = frame_size(in.bytes().first(held));
    if (!size && held == kUsual) {
      in.reach(ZSTD_compressBound(kLargest));
      held = TRY(read_at(packed, in.bytes(), at));
      size = frame_size(in.bytes().first(held));
    }
    if (!size || size->plain > kLargest) return std::nullopt;
    const Frame frame = {.begin = frames.size_,
                         .at = at,
                         .size = static_cast<std::uint32_t>(size->packed),
                         .length = static_cast<std::uint32_t>(size->plain)};
    at += size->packed;
    if (size->plain == 0) continue;
    if (is_last || frame.begin % kUnit != 0) return std::nullopt;
    is_last = size->plain < kSmallest;
    frames.frames_.push_back(frame);
    frames.size_ += frame.length;
    frames.largest_ = std::max<std::size_t>(frames.largest_, frame.length);
    if (frames.size_ > kAlwaysRead && frames.size_ / kMostSwelling > at)
      return core::fail(EFBIG, "unpack");
    out.reach(frame.length);
    (void)TRY(frames.unpack(packed, frames.count() - 1, out.bytes()));
  }
  return frames;
}

std::size_t PackedFrames::frame_of(std::uint64_t offset) const {
  const auto after =
      std::ranges::upper_bound(frames_, offset, {}, &Frame::begin);
  return static_cast<std::size_t>(after - frames_.begin()) - 1;
}

core::Result<std::size_t> PackedFrames::unpack(
    int packed, std::size_t index, std::span<std::byte> room) const {
  const Frame& frame = frames_[index];
  std::vector<std::byte> in(frame.size);
  if (TRY(read_at(packed, in, frame.at)) != in.size() ||
      room.size() < frame.length)
    return core::fail(kDamagedPack, "unpack");
  const std::size_t made =
      ZSTD_decompress(room.data(), frame.length, in.data(), in.size());
  if (ZSTD_isError(made) != 0 || made != frame.length)
    return core::fail(kDamagedPack, "unpack");
  return made;
}

core::Result<bool> holds(int packed, int file) {
  std::uint64_t offset = 0;
  bool is_same = true;
  std::vector<std::byte> other(kPiece);
  const auto compared = unpack(
      packed, [&](std::span<const std::byte> bytes) -> core::Result<void> {
        const std::size_t size =
            TRY(read_at(file, std::span(other).first(bytes.size()), offset));
        is_same = size == bytes.size() &&
                  std::memcmp(other.data(), bytes.data(), size) == 0;
        offset += size;
        if (!is_same) return core::fail(kDamagedPack, "compare");
        return {};
      });
  if (!compared && compared.error().code == kDamagedPack) return false;
  TRY(compared);
  return TRY(read_at(file, std::span(other).first(1), offset)) == 0;
}

core::Result<std::uint64_t> unpacked_size(int packed) {
  std::uint64_t size = 0;
  TRY(unpack(packed,
             [&size](std::span<const std::byte> bytes) -> core::Result<void> {
               size += bytes.size();
               return {};
             }));
  return size;
}

core::Result<sys::UniqueFd> unpacked(sys::UniqueFd file) {
  if (!TRY(is_packed(file.get()))) return file;
  auto plain = TRY(sys::nameless_file());
  TRY(unpack(file.get(), [&plain](std::span<const std::byte> bytes) {
    return sys::write_all(plain.get(), bytes);
  }));
  return plain;
}

}  // namespace accounting
