// SPDX-License-Identifier: Apache-2.0
#include "accounting/records/exact_units.h"

#include <cerrno>
#include <utility>

#include "accounting/records/sorted_file.h"

namespace accounting {

namespace {

std::optional<std::uint64_t> boots_of(const ByteWindow& sorted) {
  auto twin = sorted.twin();
  if (!twin) return std::nullopt;
  SortedFile file(std::move(*twin));
  std::uint64_t sum = 0;
  csa::Configuration boot = {};
  while (file.next_boot(boot))
    sum = checksum_of(boot, sum);
  return sum;
}

/// The sum of the words behind the head.
std::uint64_t sum_of(ByteWindow& window, std::uint64_t words) {
  constexpr std::uint64_t kAtOnce = ByteWindow::kReach / sizeof(std::uint64_t);
  std::uint64_t sum = 0;
  for (std::uint64_t first = 0; first < words; first += kAtOnce) {
    const auto count = std::min(kAtOnce, words - first);
    const auto bytes = window.at(sizeof(ExactUnitsHead) + first * 8, count * 8);
    for (std::size_t i = 0; i < bytes.size() / 8; ++i) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data() + i * 8, sizeof word);
      sum += word * word_weight(first + i);
    }
  }
  return sum;
}

}  // namespace

/// None: they are those of `sorted`.
ExactUnits::Refused ExactUnits::fault_for(const ByteWindow& sorted) {
  const auto damaged = [](std::string why) {
    return Refused{.why = std::move(why), .is_damaged = true};
  };
  ExactUnitsHead head = {};
  const auto bytes = window_.at(0, sizeof head);
  if (bytes.size() < sizeof head) return damaged("it is too short");
  std::memcpy(&head, bytes.data(), sizeof head);
  if (std::memcmp(head.magic, kExactUnitsMagic, sizeof head.magic) != 0)
    return damaged("it is no file of units");
  if (head.words != (window_.size() - sizeof head) / sizeof head.words ||
      window_.size() % sizeof head.words != 0)
    return damaged("its size is wrong");
  if (sum_of(window_, head.words) != head.sum)
    return damaged("its checksum is wrong");
  words_ = head.words;
  if (head.sorted_size != sorted.size())
    return {.why = "it is of a file of " + std::to_string(head.sorted_size) +
                   " bytes"};
  if (boots_of(sorted) != head.boots)
    return {.why = "it is of a file with other boot records"};
  return {};
}

std::expected<ExactUnits, ExactUnits::Refused> ExactUnits::open(
    const std::string& path, const ByteWindow& sorted) {
  auto window = ByteWindow::open(exact_units_path(path).c_str());
  if (!window && window.error().code == ENOENT)
    return std::unexpected(Refused());
  if (!window)
    return std::unexpected(
        Refused{.why = std::strerror(window.error().code), .is_damaged = true});
  ExactUnits units(std::move(*window));
  Refused refused = units.fault_for(sorted);
  if (!refused.why.empty()) return std::unexpected(std::move(refused));
  return units;
}

core::Result<ExactUnits> ExactUnits::twin() const {
  ExactUnits twin(TRY(window_.twin()));
  twin.words_ = words_;
  return twin;
}

bool ExactUnits::begin_job(const csa::JobHeader& job) {
  count_ = 0;
  if (next_ >= words_ || word<std::uint64_t>(next_) != checksum_of(job))
    return false;
  first_ = next_ + 1;
  count_ = static_cast<std::uint64_t>(job.processes.count);
  if (count_ > words_ - first_) count_ = words_ - first_;
  next_ = first_ + count_;
  return true;
}

}  // namespace accounting
