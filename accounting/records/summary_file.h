// SPDX-License-Identifier: Apache-2.0
// Files of consolidated records or command summaries: one record of one size
// after the other, of either byte order.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "accounting/csa_summary_layout.h"
#include "accounting/records/byte_window.h"

namespace accounting {

/// Turns the numbers of a record into the other byte order.
void swap_record(csa::Consolidated& record);
void swap_record(csa::CommandSummary& record);

template <class Record>
class SummaryReader {
 public:
  SummaryReader(ByteWindow window, const csa::Head& head)
      : window_(std::move(window)), head_(head) {}

  /// The next record; false at the end, or where none begins.
  bool next(Record& record) {
    const auto bytes = window_.at(position_, sizeof record);
    if (bytes.size() < sizeof record) return false;
    std::memcpy(&record, bytes.data(), sizeof record);
    if (record.head.magic == csa::kForeignMagic) swap_record(record);
    if (record.head.magic != head_.magic || record.head.type != head_.type ||
        record.head.size != head_.size ||
        record.head.revision < csa::kRevisionOldest ||
        record.head.revision > head_.revision)
      return false;
    position_ += sizeof record;
    return true;
  }

  /// Bytes behind the last record that could be read.
  [[nodiscard]] std::uint64_t rest() const {
    return window_.size() - position_;
  }
  [[nodiscard]] std::uint64_t position() const { return position_; }

 private:
  ByteWindow window_;
  csa::Head head_;
  std::uint64_t position_ = 0;
};

template <class Record>
std::string_view bytes_of(const Record& record) {
  return {reinterpret_cast<const char*>(&record), sizeof record};
}

}  // namespace accounting
