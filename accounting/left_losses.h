// SPDX-License-Identifier: Apache-2.0
// What an instance that ended for good could not write: how many records the
// disk refused to the last. The next scribe of the file, of whichever instance,
// tells it there as a loss.
//
// It stands at the beginning of the scribes' lock file (scribe_lock.h), which
// has room for it since its first scribe began, so that a disk that is full
// since takes it. Whoever calls anything here holds the FileLock of the
// accounting file.
#pragma once

#include <cstdint>
#include <vector>

#include "accounting/csa_encode.h"
#include "core/error.h"

namespace accounting {

struct LeftLoss {
  std::size_t slot = 0;
  Loss loss;
};

/// Makes room. Errors: those of fstat(2) and pwrite(2).
[[nodiscard]] core::Result<void> reserve_left_losses(int lock_file);

/// Puts it on the disk. Where eight instances left one that nobody told yet, it
/// takes the place of the last of them, and counts that one's too. Errors:
/// those of pwrite(2) and fdatasync(2).
[[nodiscard]] core::Result<void> leave_loss(int lock_file, const Loss& loss);

/// All that nobody told yet. What is damaged is none.
[[nodiscard]] std::vector<LeftLoss> left_losses(int lock_file);

/// It is in the accounting file, or is none. Errors: as leave_loss().
[[nodiscard]] core::Result<void> forget_left_loss(int lock_file,
                                                  std::size_t slot);

}  // namespace accounting
