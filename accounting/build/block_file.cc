// SPDX-License-Identifier: Apache-2.0
#include "accounting/build/block_file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace accounting::build {

BlockFile::BlockFile(OutputFile file, std::uint64_t size)
    : file_(std::move(file)),
      size_(size),
      blocks_(kBlocks),
      where_(static_cast<std::size_t>(size / kBlock + 1), kNone),
      stored_(static_cast<std::size_t>(size / kBlock + 1), 0) {}

core::Result<BlockFile> BlockFile::create(const char* path,
                                          std::uint64_t size) {
  auto file = OutputFile::create(path);
  if (!file) return core::fail(errno, "open", path);
  return BlockFile(std::move(*file), size);
}

std::uint64_t BlockFile::size_of(std::uint64_t number) const {
  return std::min(kBlock, size_ - number * kBlock);
}

/// What was stored of a block that is not full is read again.
void BlockFile::load(Block& block) {
  const std::uint64_t wanted = size_of(block.number);
  if (!block.bytes)
    block.bytes = std::make_unique_for_overwrite<char[]>(kBlock);
  block.filled = stored_[block.number];
  if (block.filled == 0) return;
  std::memset(block.bytes.get(), 0, wanted);
  for (std::uint64_t done = 0; done < wanted;) {
    const ssize_t n =
        ::pread(file_.fd(), block.bytes.get() + done, wanted - done,
                static_cast<off_t>(block.number * kBlock + done));
    if (n < 0 && errno != EINTR && error_ == 0) error_ = errno;
    if (n == 0 || (n < 0 && errno != EINTR)) return;
    done += static_cast<std::uint64_t>(std::max<ssize_t>(n, 0));
  }
}

void BlockFile::store(Block& block) {
  const std::uint64_t size = size_of(block.number);
  for (std::uint64_t done = 0; done < size && error_ == 0;) {
    const ssize_t n =
        ::pwrite(file_.fd(), block.bytes.get() + done, size - done,
                 static_cast<off_t>(block.number * kBlock + done));
    if (n < 0 && errno != EINTR) error_ = errno;
    done += static_cast<std::uint64_t>(std::max<ssize_t>(n, 0));
  }
  stored_[block.number] = block.filled;
  where_[block.number] = kNone;
  block.is_used = false;
}

BlockFile::Block& BlockFile::block_at(std::uint64_t number) {
  std::int32_t& where = where_[number];
  if (where != kNone) return blocks_[static_cast<std::size_t>(where)];
  next_ = (next_ + 1) % kBlocks;
  Block& block = blocks_[next_];
  if (block.is_used) store(block);
  block.number = number;
  block.is_used = true;
  load(block);
  where = static_cast<std::int32_t>(next_);
  return block;
}

void BlockFile::put(std::uint64_t offset, std::string_view bytes) {
  if (offset > size_ || bytes.size() > size_ - offset) {
    if (error_ == 0) error_ = EFBIG;
    return;
  }
  while (!bytes.empty()) {
    const std::uint64_t number = offset / kBlock;
    const std::uint64_t within = offset % kBlock;
    const auto length = std::min<std::size_t>(bytes.size(), kBlock - within);
    Block& block = block_at(number);
    std::memcpy(block.bytes.get() + within, bytes.data(), length);
    block.filled += length;
    if (block.filled == size_of(number)) store(block);
    offset += length;
    bytes.remove_prefix(length);
  }
}

int BlockFile::finish(std::uint64_t size) {
  for (Block& block : blocks_)
    if (block.is_used) store(block);
  if (error_ == 0 && ::ftruncate(file_.fd(), static_cast<off_t>(size)) < 0)
    error_ = errno;
  if (error_ == 0) error_ = file_.commit();
  return error_;
}

}  // namespace accounting::build
