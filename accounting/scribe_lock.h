// SPDX-License-Identifier: Apache-2.0
// The lock by which at most one scribe of an instance writes: a byte, by the
// instance's number, of a file beside the accounting file. It goes with the
// descriptor (fcntl(2), F_OFD_SETLKW), so it is given back by the holder's end,
// whatever ends it.
#pragma once

#include <cstdint>
#include <string>

#include "core/error.h"
#include "sys/unique_fd.h"

namespace accounting {

/// The directory of a file; "." if its name has none.
[[nodiscard]] std::string directory_of(const std::string& path);

/// Waits until this process holds the byte of `instance` in the lock file of
/// `directory`. Errors: those of open(2) and fcntl(2).
[[nodiscard]] core::Result<sys::UniqueFd> lock_instance(
    const std::string& directory, std::uint64_t instance);

/// Whether a scribe of `instance` lives, as far as can be told.
[[nodiscard]] bool has_scribe(const std::string& directory,
                              std::uint64_t instance);

}  // namespace accounting
