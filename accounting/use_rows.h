// SPDX-License-Identifier: Apache-2.0
// The rows of a report in their order. Those of jobs, of which there may be
// millions, are packed: some 100 bytes a job, unpacked when they are looked at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "accounting/bounded_sum.h"
#include "accounting/use_part.h"
#include "core/limits.h"

namespace accounting {

struct UseRow {
  std::string key;   ///< a number for users and groups; "": unknown
  std::string name;  ///< of a job
  /// Hard bounds that a job began with, by their kinds.
  std::vector<std::pair<core::LimitKind, std::uint64_t>> asked;
  std::optional<std::uint32_t> uid;  ///< of a job
  std::uint64_t jobs = 0;
  std::uint64_t open = 0;  ///< of them without an end in the files
  std::uint64_t processes = 0;
  UseSum wall_us;
  UseSum user_us;
  UseSum system_us;
  UseSum memory_bytes;                ///< the largest
  bool is_memory_of_process = false;  ///< of a job: it has no total
  UseSum read_bytes;                  ///< by read(2) and its like
  UseSum written_bytes;
  UseSum storage_read_bytes;  ///< by disks, not from memory
  UseSum storage_written_bytes;
  UnitSum units;  ///< where they are asked for

  [[nodiscard]] std::uint64_t cpu_us() const {
    std::uint64_t sum = user_us.value;
    add_bounded(sum, system_us.value);
    return sum;
  }
  /// Those of another one with the same key, which came later.
  void join(const UseRow& later);
};

/// Its sums, but that of units.
inline constexpr UseSum UseRow::* kUseSums[] = {&UseRow::wall_us,
                                                &UseRow::user_us,
                                                &UseRow::system_us,
                                                &UseRow::memory_bytes,
                                                &UseRow::read_bytes,
                                                &UseRow::written_bytes,
                                                &UseRow::storage_read_bytes,
                                                &UseRow::storage_written_bytes};

/// Rows of one job each. Several of one jid (of different boots) are one in
/// the end.
class PackedJobs {
 public:
  /// `row` is of one job, without its units.
  void add(std::uint64_t jid, const UseRow& row);
  /// The units of what was added last; nothing: they are not known.
  void bill(std::optional<double> units);
  /// By what those of a job are multiplied.
  template <class Weight>
  void weigh(const Weight& weight) {
    for (Entry& entry : entries_)
      entry.units *= weight(entry.jid);
  }
  /// By CPU time, the most first, else in the order of their keys. Nothing is
  /// added any more.
  void sort();

  [[nodiscard]] std::size_t size() const { return firsts_.size(); }
  [[nodiscard]] UseRow operator[](std::size_t i) const;

 private:
  static constexpr double kNotKnown = std::numeric_limits<double>::quiet_NaN();
  struct Entry {
    std::uint64_t jid = 0;
    std::uint64_t cpu_us = 0;  ///< sorted: of all with its jid, of the first
    std::uint64_t place = 0;   ///< of its bytes
    double units = kNotKnown;
  };
  [[nodiscard]] std::uint64_t keep(std::string_view bytes);
  [[nodiscard]] UseRow unpack(const Entry& entry) const;

  std::deque<Entry> entries_;
  std::deque<std::string> chunks_;   ///< bytes of rows; none is in two
  std::vector<std::size_t> firsts_;  ///< sorted: the first entry of each row
  std::string packing_;              ///< room to pack in
  bool is_billed_ = false;
};

class UseRows {
 public:
  UseRows() = default;
  explicit UseRows(std::vector<UseRow> rows) : rows_(std::move(rows)) {}
  explicit UseRows(PackedJobs jobs) : rows_(std::move(jobs)) {}

  [[nodiscard]] std::size_t size() const {
    return std::visit([](const auto& rows) { return rows.size(); }, rows_);
  }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] UseRow operator[](std::size_t i) const {
    return std::visit([i](const auto& rows) -> UseRow { return rows[i]; },
                      rows_);
  }

  class Iterator {
   public:
    Iterator(const UseRows& rows, std::size_t at) : rows_(&rows), at_(at) {}
    UseRow operator*() const { return (*rows_)[at_]; }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    bool operator==(const Iterator& other) const { return at_ == other.at_; }

   private:
    const UseRows* rows_;
    std::size_t at_;
  };
  [[nodiscard]] Iterator begin() const { return {*this, 0}; }
  [[nodiscard]] Iterator end() const { return {*this, size()}; }

 private:
  std::variant<std::vector<UseRow>, PackedJobs> rows_;
};

}  // namespace accounting
