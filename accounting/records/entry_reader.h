// SPDX-License-Identifier: Apache-2.0
// Entries of a pacct or sorted file one after the other, forwards or
// backwards, at the pace of memory: an ordinary entry is never copied. What it
// takes for damage, and how it goes on behind it, is what the published reader
// does, so that whoever compares the two finds the same ranges. Files of either
// byte order are read.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "accounting/records/byte_window.h"
#include "accounting/records/entry.h"

namespace accounting {

enum class ReadStatus : std::int8_t {
  kEntry = 1,
  kEnd = 0,
  kNoRecord = -1,    ///< no record begins here, or not one that can be read
  kTornHeader = -2,  ///< the file ends within a header
  kTornRecord = -3,  ///< the file ends within a record
};

class EntryReader {
 public:
  explicit EntryReader(ByteWindow window) : window_(std::move(window)) {}

  /// The entry at the position, which moves behind it; behind what was looked
  /// at where there is none.
  ReadStatus next(Entry& entry);
  /// The entry that ends at the position, which moves to its begin.
  ReadStatus previous(Entry& entry);

  [[nodiscard]] std::uint64_t position() const { return position_; }
  void seek(std::uint64_t position) { position_ = position; }
  [[nodiscard]] std::uint64_t size() const { return window_.size(); }
  [[nodiscard]] ByteWindow& window() { return window_; }

  /// What the published reader says on standard error about the last entry
  /// that could not be read, in whole lines; empty: nothing.
  [[nodiscard]] const std::string& complaint() const { return complaint_; }

 private:
  bool read_plainly(Entry& entry);
  ReadStatus read_carefully(Entry& entry);
  ReadStatus read_record(std::size_t room, std::size_t at, std::size_t& used);
  ReadStatus copy_record(csa::Head head, std::size_t room, std::size_t at,
                         bool is_foreign);
  ReadStatus failed(ReadStatus status);
  bool place(Entry& entry, std::size_t at);
  int step_back();

  ByteWindow window_;
  std::uint64_t position_ = 0;
  std::string complaint_;
  std::uint16_t stated_ = 0;  ///< as Entry::stated, of the last record read
  /// Copies of records that are not as they should be, or foreign; zeroes
  /// behind them, so that a short record ends in zeroes.
  alignas(16) std::array<std::byte, 1024> copies_ = {};
};

}  // namespace accounting
