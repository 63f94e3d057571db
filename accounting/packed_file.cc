// SPDX-License-Identifier: Apache-2.0
#include "accounting/packed_file.h"

#include <unistd.h>
#include <zstd.h>

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

}  // namespace

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

core::Result<void> unpack(int packed, const ByteSink& sink) {
  const Unpacker unpacker(ZSTD_createDCtx(), ZSTD_freeDCtx);
  if (!unpacker) return core::fail(ENOMEM, "unpack");
  std::vector<std::byte> in(kPiece);
  std::vector<std::byte> out(kPiece);
  std::uint64_t read = 0;
  std::uint64_t made = 0;
  std::size_t wanted = 0;  // 0: a frame is complete
  for (;;) {
    const std::size_t size = TRY(read_at(packed, in, read));
    if (size == 0) break;
    read += size;
    ZSTD_inBuffer input = {.src = in.data(), .size = size, .pos = 0};
    bool is_flushed = false;
    while (input.pos < input.size || !is_flushed) {
      ZSTD_outBuffer output = {.dst = out.data(), .size = out.size(), .pos = 0};
      wanted = ZSTD_decompressStream(unpacker.get(), &output, &input);
      if (ZSTD_isError(wanted) != 0) return core::fail(kDamagedPack, "unpack");
      // A call behind the end of a frame would ask for another one.
      is_flushed = wanted == 0 || output.pos < output.size;
      made += output.pos;
      if (made > kAlwaysRead && made / kMostSwelling > read)
        return core::fail(EFBIG, "unpack");
      TRY(sink(std::span(out).first(output.pos)));
    }
  }
  if (wanted != 0) return core::fail(kDamagedPack, "unpack");
  return {};
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

core::Result<sys::UniqueFd> unpacked(sys::UniqueFd file) {
  if (!TRY(is_packed(file.get()))) return file;
  auto plain = TRY(sys::nameless_file());
  TRY(unpack(file.get(), [&plain](std::span<const std::byte> bytes) {
    return sys::write_all(plain.get(), bytes);
  }));
  return plain;
}

}  // namespace accounting
