// SPDX-License-Identifier: Apache-2.0
// How far a report is, on the terminal of standard error: only there, and only
// after a while. Who prints rows meanwhile shows it only if those go elsewhere.
#pragma once

#include <chrono>
#include <cstdint>

namespace accounting {

class Progress {
 public:
  enum class Rows : std::uint8_t { kAtTheEnd, kMeanwhile };

  explicit Progress(std::uint64_t size, Rows rows = Rows::kAtTheEnd);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  /// `done` bytes of all.
  void show(std::uint64_t done);

 private:
  std::uint64_t size_;
  bool is_wanted_;
  bool is_shown_ = false;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace accounting
