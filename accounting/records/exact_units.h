// SPDX-License-Identifier: Apache-2.0
// Billing units with their fractions, in a file of their own beside a sorted
// file ("spacct.units" beside "spacct"), whose layout has room for whole units
// only. csabuild writes it; who reads the sorted file takes the units from it
// as they were billed, whatever csa.conf says by then.
//
// The file is a head and words of eight bytes: for each job of the sorted file,
// in its order, a checksum of the job's header and then the units of its
// processes. It belongs to a sorted file of the size and with the boot records
// (which tell when csabuild made it) that its head tells; a job's units belong
// to a job with that header, and a process's to one of as many whole units.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <limits>
#include <optional>
#include <string>

#include "accounting/csa_layout.h"
#include "accounting/records/byte_window.h"

namespace accounting {

struct ExactUnitsHead {
  char magic[8];
  std::uint64_t sorted_size;  ///< bytes of the sorted file
  std::uint64_t boots;        ///< a checksum of its boot records
  std::uint64_t words;        ///< behind this head
  std::uint64_t sum;          ///< of those, each by word_weight()
};
static_assert(sizeof(ExactUnitsHead) == 40);
inline constexpr char kExactUnitsMagic[8] = {'C', 'o', 'r', 'r',
                                             'S', 'B', 'U', '1'};

/// Where they are of a sorted file.
inline std::string exact_units_path(const std::string& sorted) {
  return sorted + ".units";
}

/// By what a word is multiplied in the sum of all, modulo 2^64: they may come
/// in any order, and no word can change alone, or with another one's place.
constexpr std::uint64_t word_weight(std::uint64_t index) {
  return 2 * index + 1;
}

/// A checksum of a record's bytes; `before` goes on from another one.
template <class Record>
std::uint64_t checksum_of(const Record& record, std::uint64_t before = 0) {
  static_assert(sizeof record % sizeof before == 0);
  constexpr std::uint64_t kPrime = 0x9E3779B97F4A7C15;
  std::uint64_t sum = before;
  for (std::size_t at = 0; at < sizeof record; at += sizeof sum) {
    std::uint64_t word = 0;
    std::memcpy(&word, reinterpret_cast<const char*>(&record) + at,
                sizeof word);
    sum = (sum ^ word) * kPrime;
    sum ^= sum >> 29U;
  }
  return sum;
}

/// Stands for a process that csabuild did not bill.
inline constexpr double kNoUnits = std::numeric_limits<double>::quiet_NaN();

/// What csabuild bills: nothing is paid back.
constexpr double billed_units(double units) {
  return units > 0 ? units : 0;
}
/// The same as a record has it: whole, and no more than it has room for.
constexpr std::uint64_t whole_units(double units) {
  constexpr double kMost = 18446744073709549568.0;  // below 2^64
  return units > 0 ? static_cast<std::uint64_t>(units < kMost ? units : kMost)
                   : 0;
}

class ExactUnits {
 public:
  /// Why there are none that can be used.
  struct Refused {
    std::string why;  ///< ""; there is no such file
    bool is_damaged = false;
  };
  /// Those of the sorted file `sorted`, called `path`.
  static std::expected<ExactUnits, Refused> open(const std::string& path,
                                                 const ByteWindow& sorted);

  /// The same for another thread.
  [[nodiscard]] core::Result<ExactUnits> twin() const;

  /// Goes to the job whose words begin there: all words of the jobs before it,
  /// one and one for each process, are passed.
  void go_to(std::uint64_t word) { next_ = word; }

  /// Goes to the next job. False: that is another one, and none behind it can
  /// be found.
  bool begin_job(const csa::JobHeader& job);
  /// Of the process with this number in the job; kNoUnits: of none.
  double of(std::int32_t process) {
    const auto index = static_cast<std::uint64_t>(process);
    return index < count_ ? word<double>(first_ + index) : kNoUnits;
  }

 private:
  explicit ExactUnits(ByteWindow window) : window_(std::move(window)) {}
  template <class Word>
  Word word(std::uint64_t index) {
    const auto bytes =
        window_.at(sizeof(ExactUnitsHead) + index * sizeof(Word), sizeof(Word));
    Word result = {};
    if (bytes.size() == sizeof result)
      std::memcpy(&result, bytes.data(), sizeof result);
    return result;
  }
  [[nodiscard]] Refused fault_for(const ByteWindow& sorted);

  ByteWindow window_;
  std::uint64_t words_ = 0;
  std::uint64_t next_ = 0;   ///< where the next job begins
  std::uint64_t first_ = 0;  ///< of the job in hand
  std::uint64_t count_ = 0;
};

}  // namespace accounting
