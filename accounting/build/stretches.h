// SPDX-License-Identifier: Apache-2.0
// Which entries of the pacct files go where, in their order: written down by
// the first reading of csabuild, for the second. Many of them do not stay in
// memory: they go to a file without a name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/error.h"
#include "sys/unique_fd.h"

namespace accounting::build {

/// Neighbours in a file that belong to one part of one segment; kNone: to
/// none.
struct Stretch {
  static constexpr std::uint32_t kNone = UINT32_MAX;

  std::uint32_t segment = kNone;
  std::uint32_t entries = 0;
  std::uint64_t before = 0;  ///< bytes of that part that come before them
  std::uint32_t bytes = 0;
  std::uint32_t processes_before : 31 = 0;  ///< of the segment
  std::uint32_t is_process : 1 = 0;
};
static_assert(sizeof(Stretch) == 24);

class Stretches {
 public:
  /// Errors: those of open(2) and write(2) where memory does not do.
  [[nodiscard]] core::Result<void> add(const Stretch& stretch);
  [[nodiscard]] std::size_t size() const { return stored_ + kept_.size(); }
  /// Those from `first` on before `last`. From any thread, when all are added.
  [[nodiscard]] core::Result<std::vector<Stretch>> read(std::size_t first,
                                                        std::size_t last) const;

 private:
  static constexpr std::size_t kMost = 1U << 20;
  core::Result<void> store();

  std::vector<Stretch> kept_;
  std::size_t stored_ = 0;  ///< those before kept_, in file_
  sys::UniqueFd file_;
};

}  // namespace accounting::build
