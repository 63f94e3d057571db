// SPDX-License-Identifier: Apache-2.0
// A sum of doubles that keeps what each addition rounds away (Knuth's TwoSum):
// for numbers of one sign it is the double nearest to the true sum, or the one
// beside it, whatever their order, up to some 10^15 of them.
#pragma once

#include <cmath>

namespace accounting {

class ExactSum {
 public:
  ExactSum() = default;
  explicit ExactSum(double value) : sum_(value) {}

  void add(double value) {
    const double sum = sum_ + value;
    const double part = sum - sum_;
    lost_ += (sum_ - (sum - part)) + (value - part);
    sum_ = sum;
  }
  void add(const ExactSum& other) {
    add(other.sum_);
    lost_ += other.lost_;
  }
  /// Of what is beyond all doubles, infinity.
  [[nodiscard]] double value() const {
    return std::isfinite(sum_) ? sum_ + lost_ : sum_;
  }

 private:
  double sum_ = 0;
  double lost_ = 0;  ///< what `sum_` is short of
};

}  // namespace accounting
