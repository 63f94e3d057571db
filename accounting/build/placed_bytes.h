// SPDX-License-Identifier: Apache-2.0
// Bytes that have their places in a file, in whatever order they come: they
// are gathered, put into the order of the file, and what lies side by side is
// written by one call. Each thread has its own; no two write the same byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

namespace accounting::build {

class PlacedBytes {
 public:
  /// For an open file of `size` bytes, which lives longer; `room` of them are
  /// gathered.
  PlacedBytes(int file, std::uint64_t size, std::size_t room = kRoom);

  /// Room for at most `size` bytes (kMost) that go to `offset`. They are
  /// taken by keep(), and stay where they are only until the next room().
  [[nodiscard]] char* room(std::uint64_t offset, std::size_t size);
  /// Takes the first `size` bytes of the last room.
  void keep(std::size_t size);

  template <class Record>
  void put_record(std::uint64_t offset, const Record& record) {
    std::memcpy(room(offset, sizeof record), &record, sizeof record);
    keep(sizeof record);
  }

  /// Writes what is gathered.
  void flush();

  /// The errno of the first call that failed; EFBIG: bytes beyond the size.
  [[nodiscard]] int error() const { return error_; }

  static constexpr std::size_t kMost = 4096;

 private:
  static constexpr std::size_t kRoom = 16U << 20;
  /// What is one piece need not wait for others, and is still in the cache.
  static constexpr std::size_t kPlenty = 1U << 20;

  struct Piece {
    std::uint64_t offset = 0;  ///< in the file
    std::uint32_t at = 0;      ///< in bytes_
    std::uint32_t size = 0;
  };
  void write_run(std::size_t first, std::size_t last);
  void begin_writeback();

  int file_;
  std::uint64_t size_;
  std::size_t most_;  ///< bytes that are gathered
  std::unique_ptr<char[]> bytes_;
  std::size_t used_ = 0;
  std::uint64_t offset_ = 0;  ///< of the last room
  std::vector<Piece> pieces_;
  bool is_ordered_ = true;
  int error_ = 0;
};

}  // namespace accounting::build
