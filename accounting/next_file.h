// SPDX-License-Identifier: Apache-2.0
// Switching an accounting file, and the mark that says that accounting is off.
//
// A switched file is renamed to the next free number. Whoever appends by
// Corral's rules goes on without losing or tearing a record
// (accounting/append.h): a scribe sees the rename before its next write; a
// scope keeps the file that it has opened, so a switched file may still grow.
#pragma once

#include <cstdint>
#include <string>

#include "core/error.h"

namespace accounting {

/// Renames `path` to the first PATHn that is free, also as PATHn.zst, n from 1
/// on, and returns n;
/// 0: there is no file. Errors: those of rename(2).
[[nodiscard]] core::Result<std::uint32_t> rename_to_next(
    const std::string& path);

/// Whose file of that number is `inode` of `device`, where `path` is not it any
/// more: it was switched before; 0: it was not.
[[nodiscard]] std::uint32_t switched_before(const std::string& path,
                                            std::uint64_t device,
                                            std::uint64_t inode);

/// Of a path: with its last '/', or ".".
[[nodiscard]] inline std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

/// What was renamed, made or removed in a folder is on the disk.
void sync_folder(const std::string& folder);

/// Is accounting into `path` off? It stays so over restarts of everything.
[[nodiscard]] bool is_accounting_off(const std::string& path);
[[nodiscard]] core::Result<void> mark_accounting_off(const std::string& path);
[[nodiscard]] core::Result<void> unmark_accounting_off(const std::string& path);

}  // namespace accounting
