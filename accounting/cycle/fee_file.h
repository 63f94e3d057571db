// SPDX-License-Identifier: Apache-2.0
// day/fee while a period is made of it. csachargefee waits meanwhile
// (flock(2)), so no fee is charged twice or lost.
//
// Invariant: what is taken away goes at once or not at all: another file is put
// in its place. Whoever has waited for the lock looks whether his is the one.
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
  /// Of its inode; another once something was taken away. 0: there is none.
  [[nodiscard]] std::uint64_t number() const { return number_; }

  /// Takes `charged` away from its begin, if it is there; what came later
  /// stays. It holds the file no longer.
  [[nodiscard]] Outcome<void> remove(const Places& places,
                                     const std::string& charged);

 private:
  sys::UniqueFd file_;
  std::string path_;
  std::uint64_t size_ = 0;
  std::uint64_t number_ = 0;
};

/// Is the open `file`, which the caller has locked, still the one at `path`?
[[nodiscard]] bool is_fee_file(const std::string& path, int file);

}  // namespace accounting
