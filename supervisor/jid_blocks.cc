// SPDX-License-Identifier: Apache-2.0
#include "supervisor/jid_blocks.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <span>
#include <string_view>

#include "core/checksum.h"
#include "core/ids.h"
#include "core/quantity.h"
#include "core/text.h"
#include "sys/clock.h"
#include "sys/lock_file.h"
#include "sys/read_file.h"
#include "sys/unique_fd.h"

namespace supervisor {

namespace {

/// Longer than the ledger waits for its worker, so that it is the one to say
/// that the disk does not answer.
constexpr core::Microseconds kLockPatience = core::seconds(60);
constexpr std::size_t kBodySize = 18;  ///< two numbers and two spaces

using Line = core::Text<32>;

Line line_of(std::uint32_t hid, std::uint32_t end) {
  Line line;
  line.append_hex(hid, 8).append(" ").append_hex(end, 8).append(" ");
  line.append_hex(core::crc32c(std::as_bytes(std::span(line.view()))), 8);
  return line.append("\n");
}

core::Result<void> write_line(const std::string& path, const Line& line) {
  const sys::UniqueFd file = TRY(sys::open_at(
      AT_FDCWD, path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  const ssize_t written = ::write(file.get(), line.c_str(), line.size());
  if (written != static_cast<ssize_t>(line.size()))
    return core::fail(written < 0 ? errno : ENOSPC, "write", path);
  if (::fsync(file.get()) < 0) return core::fail(errno, "fsync", path);
  return {};
}

core::Result<void> sync_directory(const std::string& path) {
  const std::string name = path.substr(0, path.rfind('/') + 1);
  const sys::UniqueFd directory =
      TRY(sys::open_at(AT_FDCWD, name.c_str(), O_RDONLY | O_DIRECTORY));
  if (::fsync(directory.get()) < 0) return core::fail(errno, "fsync", name);
  return {};
}

}  // namespace

core::Result<std::uint32_t> read_reserved(const std::string& path,
                                          std::uint32_t hid) {
  char buffer[64];
  const std::string_view text = TRY(sys::read_small_file(path.c_str(), buffer));
  if (text.size() < kBodySize) return core::fail(EBADMSG, "read", path);
  const auto whose = core::parse_hex(text.substr(0, 8));
  const auto end = core::parse_hex(text.substr(9, 8));
  if (!whose || !end ||
      text != line_of(static_cast<std::uint32_t>(*whose),
                      static_cast<std::uint32_t>(*end))
                  .view())
    return core::fail(EBADMSG, "read", path);
  if (*whose != hid) return core::fail(ENOENT, "find the hid in", path);
  return static_cast<std::uint32_t>(*end);
}

core::Result<JidBlock> reserve_block(const std::string& path, std::uint32_t hid,
                                     std::uint32_t above) {
  // Another worker may be at it: that of a request beside the one for what
  // comes next, or that of a supervisor who was killed. It would rename our
  // file, or put an older end in its place.
  const std::string name = path + ".lock";
  const sys::UniqueFd lock = TRY(sys::open_lock_file(name));
  TRY(sys::lock_within(lock.get(), name, kLockPatience));
  const auto reserved = read_reserved(path, hid);
  if (!reserved && reserved.error().code != ENOENT &&
      reserved.error().code != EBADMSG)
    return std::unexpected(reserved.error());
  JidBlock block;
  block.after = std::max(above, reserved.value_or(0));
  if (block.after > UINT32_MAX - kJidBlock)
    return core::fail(EOVERFLOW, "reserve jids in", path);
  block.end = block.after + kJidBlock;
  const std::string fresh = path + ".new";
  TRY(write_line(fresh, line_of(hid, block.end)));
  if (::rename(fresh.c_str(), path.c_str()) < 0)
    return core::fail(errno, "rename", fresh);
  TRY(sync_directory(path));
  return block;
}

JidBlock block_of_clock(std::uint32_t above) {
  const std::uint64_t seconds = sys::real_now().raw() / 1000000U;
  JidBlock block;
  block.after = static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(seconds, above, UINT32_MAX));
  block.end = block.after + std::min(kJidBlock, UINT32_MAX - block.after);
  return block;
}

}  // namespace supervisor
