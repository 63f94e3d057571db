// SPDX-License-Identifier: Apache-2.0
// What a file says about the writer before us: the last key of its instance,
// and whether it was killed in the middle of an append.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/error.h"

namespace accounting {

struct FileTail {
  std::optional<std::uint64_t> last_key;  ///< of the instance; absent: none
  std::uint64_t size = 0;                 ///< of the file
  /// Bytes at the end that an append of Corral's left unfinished.
  std::uint64_t torn = 0;
};

/// Reads the file backwards until it finds a key of `instance`, at worst all of
/// it. Errors: those of fstat(2) and pread(2).
[[nodiscard]] core::Result<FileTail> read_tail(int file,
                                               std::uint64_t instance);

/// The same of what stands behind `from`, which is the end of a whole append.
[[nodiscard]] core::Result<FileTail> read_from(int file, std::uint64_t from,
                                               std::uint64_t instance);

/// read_tail(), then cuts the torn end off. The caller holds the FileLock, so
/// nobody is in the middle of an append. Errors: also those of ftruncate(2).
[[nodiscard]] core::Result<FileTail> repair_tail(int file,
                                                 std::uint64_t instance);

/// The youngest of the files that csaswitch made of `path` (path1, path2, ...);
/// empty: there is none.
[[nodiscard]] std::string youngest_switched_file(const std::string& path);

/// Gives a file that begins at `path` the owner, group and mode of the one that
/// it follows: who may read accounting is the site's to say, once. Without one
/// before it, or where we may not, it stays as it is.
void keep_rights(int file, const std::string& path);

/// The last key of `instance` in the youngest of those files; absent: none
/// there.
[[nodiscard]] std::optional<std::uint64_t> key_in_switched_file(
    const std::string& path, std::uint64_t instance);

}  // namespace accounting
