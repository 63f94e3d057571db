// SPDX-License-Identifier: Apache-2.0
// The units of a sorted file's processes as csabuild billed them, with their
// fractions: those beside the file, and where there are none those that the
// rules of now make, if they agree with the whole units in the file; else
// these.
//
// Units beside the file that are damaged are told at once. That they are of
// another file (the published csabuild has made this one) is told when it
// costs something: when a fraction is not to be had from the rules either.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "accounting/billing/sbu.h"
#include "accounting/records/exact_units.h"
#include "accounting/text/console.h"

namespace accounting {

class BilledUnits {
 public:
  /// Of the sorted file `sorted`, called `path`. Tells in the name of
  /// `program`, once.
  BilledUnits(std::string program, const std::string& path,
              const ByteWindow& sorted, Console& console);

  /// The same for another thread. It tells nothing: where it would, has_told()
  /// says so, and what it said of units since is not to be believed, as the
  /// first that tells decides for all processes behind.
  [[nodiscard]] core::Result<BilledUnits> quiet_twin() const;
  [[nodiscard]] bool has_told() const { return has_told_; }

  /// Goes to the job whose words begin there (ExactUnits::go_to).
  void go_to(std::uint64_t word) {
    if (exact_) exact_->go_to(word);
  }

  /// Each job of the file is told, in their order.
  void begin_job(const csa::JobHeader& job) {
    if (exact_ && !exact_->begin_job(job))
      give_up("a job of the sorted file is not in it");
  }

  /// Of the job's process with this number. `ratio()`: the part of its time
  /// that is prime.
  template <class Ratio>
  double of(std::int32_t number, const Entry& process, const Biller& biller,
            const Ratio& ratio) {
    if (exact_) {
      const double units = exact_->of(number);
      const bool is_its = whole_units(units) == process.process->sbu;
      if (is_its && units >= 0) [[likely]]
        return units;
      if (units >= 0) give_up("a process of the sorted file has other units");
    }
    const std::optional<double> exact = biller.recorded_units(process, ratio());
    if (!exact && !untold_.empty()) tell(untold_);
    return exact.value_or(static_cast<double>(process.process->sbu));
  }

 private:
  BilledUnits(std::string program, std::string name)
      : program_(std::move(program)), name_(std::move(name)) {}
  void give_up(const std::string& why);
  void tell(const std::string& why);

  std::string program_;
  std::string name_;
  Console* console_ = nullptr;  ///< null: nothing is told
  std::optional<ExactUnits> exact_;
  std::string untold_;  ///< why there are none
  bool has_told_ = false;
};

}  // namespace accounting
