// SPDX-License-Identifier: Apache-2.0
// Where a file ends that others append to: at the end of a whole append. A file
// grows while write(2) runs, so its size alone may lie within a record. All who
// read accounting files see them up to this end, and no further.
#pragma once

#include <cstdint>

#include "core/error.h"

namespace accounting {

/// The end of a regular file. It stands within an append only if that was left
/// unfinished, or if its writer was within it for longer than 50 ms, or not at
/// all under its lock on a file system where lseek(2) does not wait for
/// write(2) (ext4, btrfs and tmpfs do). Takes no lock: a reader holds up no
/// writer. Errors: those of fstat(2).
[[nodiscard]] core::Result<std::uint64_t> settled_end(int fd);

}  // namespace accounting
