// SPDX-License-Identifier: Apache-2.0
// csabuild's side of the units beside a sorted file
// (accounting/records/exact_units.h): their words are put where they belong by
// all workers at once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "accounting/build/placed_bytes.h"
#include "accounting/records/exact_units.h"
#include "accounting/records/output_file.h"

namespace accounting::build {

/// One worker's words.
class UnitsWriter {
 public:
  UnitsWriter(int file, std::uint64_t words)
      : bytes_(file, sizeof(ExactUnitsHead) + words * sizeof words, kRoom) {}

  template <class Word>
  void put(std::uint64_t index, const Word& word) {
    std::uint64_t bits = 0;
    static_assert(sizeof word == sizeof bits);
    std::memcpy(&bits, &word, sizeof bits);
    sum_ += bits * word_weight(index);
    bytes_.put_record(sizeof(ExactUnitsHead) + index * sizeof word, word);
  }
  void flush() { bytes_.flush(); }
  [[nodiscard]] std::uint64_t sum() const { return sum_; }
  [[nodiscard]] int error() const { return bytes_.error(); }

 private:
  static constexpr std::size_t kRoom = 2U << 20;
  PlacedBytes bytes_;
  std::uint64_t sum_ = 0;
};

/// The file while it is written.
class UnitsFile {
 public:
  /// For `words` words beside the sorted file `sorted` of that name, and as
  /// open as that. Nothing where that is no file of its own (a device, our
  /// output), or, with error() set, where none can be made.
  UnitsFile(const std::string& name, const OutputFile& sorted,
            std::uint64_t words);

  /// Null: none is written.
  [[nodiscard]] std::unique_ptr<UnitsWriter> writer() const;
  /// What a worker wrote.
  void take(const UnitsWriter& writer);
  /// Puts it into its place. Without it, what is there is of another file.
  void commit(std::uint64_t sorted_size, std::uint64_t boots);
  /// The errno of what failed first.
  [[nodiscard]] int error() const { return error_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::uint64_t words_;
  std::uint64_t sum_ = 0;
  std::optional<OutputFile> file_;
  int error_ = 0;
};

}  // namespace accounting::build
