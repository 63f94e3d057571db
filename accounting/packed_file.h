// SPDX-License-Identifier: Apache-2.0
// Closed accounting files packed by zstd (RFC 8878): in frames of a few
// megabytes, each with a checksum, as zstd(1) reads and writes them. Known by
// their first bytes, not by their names.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "core/error.h"
#include "sys/unique_fd.h"

namespace accounting {

inline constexpr std::string_view kPackedEnding = ".zst";
/// Beside errno values: one that nothing gives which reads a regular file.
inline constexpr int kDamagedPack = EBADMSG;

/// Takes the next bytes; an error ends the work.
using ByteSink = std::function<core::Result<void>(std::span<const std::byte>)>;

/// Gives the packed bytes of all of `file` to `sink`. Errors: those of
/// pread(2), ENOMEM.
[[nodiscard]] core::Result<void> pack(int file, const ByteSink& sink);

/// The other way. Errors: those of pread(2); kDamagedPack for bytes that are
/// damaged or cut off; EFBIG for what swells as no
/// accounting file does.
[[nodiscard]] core::Result<void> unpack(int packed, const ByteSink& sink);

/// Does `packed` hold `file`, byte for byte? Errors: those of pread(2).
[[nodiscard]] core::Result<bool> holds(int packed, int file);

/// A file without a name that has what `file` holds, or `file` itself if it is
/// not packed.
[[nodiscard]] core::Result<sys::UniqueFd> unpacked(sys::UniqueFd file);

}  // namespace accounting
