// SPDX-License-Identifier: Apache-2.0
// Which jids were given, on the disk: the file's only line says up to which
// sequence blocks of them were reserved. A block's reservation is on the disk
// before the first jid of it is given, so no crash brings a jid twice.
//
//   HID END CRC     8 hexadecimal digits each; CRC-32C of the 18 bytes before
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/error.h"

namespace supervisor {

inline constexpr std::uint32_t kJidBlock = 1024;

/// The sequences above `after`, up to `end`.
struct JidBlock {
  std::uint32_t after = 0;
  std::uint32_t end = 0;
  friend bool operator==(const JidBlock&, const JidBlock&) = default;
};

/// What the file says of `hid`. Errors: ENOENT if it says nothing of it,
/// EBADMSG if it is damaged, those of open(2).
[[nodiscard]] core::Result<std::uint32_t> read_reserved(const std::string& path,
                                                        std::uint32_t hid);

/// Reserves the next block, above `above` and what is reserved: the file is
/// replaced and synced, and its name in its directory; `path`.lock keeps others
/// from it meanwhile. A damaged file says nothing: then `above` must be above
/// what it may have said. Errors: EOVERFLOW when a hid has no more; EADDRINUSE
/// if another keeps it for a minute; those of open(2), write(2), fsync(2),
/// rename(2).
[[nodiscard]] core::Result<JidBlock> reserve_block(const std::string& path,
                                                   std::uint32_t hid,
                                                   std::uint32_t above);

/// The block to go on with when none can be reserved: the clock's seconds are
/// above what was given, unless more than one a second was given for years.
[[nodiscard]] JidBlock block_of_clock(std::uint32_t above);

}  // namespace supervisor
