// SPDX-License-Identifier: Apache-2.0
// Finding the way again behind damage.
#pragma once

#include <cstdint>
#include <optional>

#include "accounting/records/byte_window.h"
#include "accounting/records/entry_reader.h"

namespace accounting {

/// Bytes that no entry could be made of.
struct DamagedRange {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  bool is_tail = false;  ///< to the end of the file
};

/// The first offset from `from` on at which the header of a primary record
/// stands, at any alignment; nothing: there is none up to the end.
[[nodiscard]] std::optional<std::uint64_t> find_primary(ByteWindow& window,
                                                        std::uint64_t from);

/// Reads entries and passes over what is none.
class ResilientReader {
 public:
  explicit ResilientReader(ByteWindow window) : reader_(std::move(window)) {}

  /// The next entry; false at the end. damage() tells what was passed over on
  /// the way to it, if anything was.
  bool next(Entry& entry);
  [[nodiscard]] const std::optional<DamagedRange>& damage() const {
    return damage_;
  }
  [[nodiscard]] EntryReader& reader() { return reader_; }

 private:
  EntryReader reader_;
  std::optional<DamagedRange> damage_;
};

}  // namespace accounting
