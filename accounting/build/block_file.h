// SPDX-License-Identifier: Apache-2.0
// A file of known size of which every byte is written once, in any order.
// Writes are gathered in blocks: the kernel sees few and large ones as long as
// no more places than there are blocks are written to at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "accounting/records/output_file.h"
#include "core/error.h"

namespace accounting::build {

class BlockFile {
 public:
  /// It takes the place of its name in finish(). Errors: those of open(2).
  [[nodiscard]] static core::Result<BlockFile> create(const char* path,
                                                      std::uint64_t size);

  /// What is not within the size is refused: EFBIG of finish().
  void put(std::uint64_t offset, std::string_view bytes);
  template <class Record>
  void put_record(std::uint64_t offset, const Record& record) {
    put(offset, {reinterpret_cast<const char*>(&record), sizeof record});
  }

  /// Writes what is gathered, sets the size and puts the file into its place.
  /// Returns the errno of the first call that failed; 0: all is written.
  [[nodiscard]] int finish(std::uint64_t size);

 private:
  static constexpr std::uint64_t kBlock = 64U << 10;
  static constexpr std::size_t kBlocks = 256;
  static constexpr std::int32_t kNone = -1;

  struct Block {
    std::uint64_t number = 0;  ///< which of the file
    std::uint64_t filled = 0;  ///< bytes
    bool is_used = false;
    std::unique_ptr<char[]> bytes;
  };

  BlockFile(OutputFile file, std::uint64_t size);
  Block& block_at(std::uint64_t number);
  void load(Block& block);
  void store(Block& block);
  [[nodiscard]] std::uint64_t size_of(std::uint64_t number) const;

  OutputFile file_;
  std::uint64_t size_;
  std::vector<Block> blocks_;
  std::vector<std::int32_t> where_;    ///< the block of each part of the file
  std::vector<std::uint64_t> stored_;  ///< bytes of each that the file has
  std::size_t next_ = 0;               ///< which is given up next
  int error_ = 0;
};

}  // namespace accounting::build
