// SPDX-License-Identifier: Apache-2.0
// day/fee while a period is made of it. csachargefee waits meanwhile
// (flock(2)), so no fee is charged twice or lost.
#pragma once

#include <cstdint>
#include <string>

#include "accounting/cycle/places.h"
#include "accounting/text/console.h"
#include "sys/unique_fd.h"

namespace accounting {

class FeeFile {
 public:
  /// Waits until nobody charges.
  [[nodiscard]] static Outcome<FeeFile> hold(const Places& places);

  /// "": there are no fees.
  [[nodiscard]] std::string path() const { return size_ > 0 ? path_ : ""; }
  [[nodiscard]] std::uint64_t size() const { return size_; }

  /// Takes `charged` away from its begin, if it is there; what came later
  /// stays.
  [[nodiscard]] Outcome<void> remove(const std::string& charged);

 private:
  sys::UniqueFd file_;
  std::string path_;
  std::uint64_t size_ = 0;
};

}  // namespace accounting
