// SPDX-License-Identifier: Apache-2.0
#include "accounting/recovery.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include "accounting/boot_told.h"
#include "accounting/csa_group.h"
#include "sys/unique_fd.h"

namespace accounting {

namespace {

constexpr std::uint64_t kWindow = 256U << 10;

/// What one stretch of the file holds.
struct Window {
  std::optional<std::uint64_t> last_key;
  std::uint64_t whole_end = 0;   ///< of the last whole group in it
  bool last_is_ours = false;     ///< that group is an append of Corral's
  bool tail_bears_mark = false;  ///< so does what follows it
  /// Another program took its site records out: then no mark behind it says
  /// that an append was torn, and it would seem to be torn with nothing there.
  bool last_lost_site = false;
  Before before;  ///< what it tells last
};

core::Result<std::vector<std::byte>> read_range(int file, std::uint64_t from,
                                                std::uint64_t to) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(to - from));
  std::size_t held = 0;
  while (held < bytes.size()) {
    const ssize_t n = ::pread(file, bytes.data() + held, bytes.size() - held,
                              static_cast<off_t>(from + held));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return core::fail(errno, "read");
    if (n == 0) break;
    held += static_cast<std::size_t>(n);
  }
  bytes.resize(held);
  return bytes;
}

/// Reads the groups that begin before `limit`; `base` is the bytes' offset in
/// the file.
Window scan(std::span<const std::byte> bytes, std::uint64_t base,
            std::size_t limit, bool is_end, std::uint64_t instance) {
  Window window;
  window.whole_end = base;
  std::size_t at = 0;
  while (at < limit) {
    const ParseResult result = parse_group(bytes.subspan(at), is_end);
    if (result.verdict != ParseVerdict::kGroup) {
      ++at;
      continue;
    }
    const Group& group = result.group;
    at += group.size;
    window.tail_bears_mark = group.is_torn;
    if (group.is_torn || !group.is_sound) continue;
    window.whole_end = base + at;
    window.last_is_ours = group.site.has_value();
    window.last_lost_site = group.lost_site;
    if (const auto boot = boot_told(group)) window.before.boot = boot;
    if (group.site)
      window.before.append = {.instance = group.site->head.instance,
                              .key = group.site->key};
    if (group.site && group.site->head.instance == instance)
      window.last_key = group.site->key;
  }
  return window;
}

bool is_number(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

core::Result<FileTail> read_tail(int file, std::uint64_t instance) {
  struct stat status = {};
  if (::fstat(file, &status) < 0) return core::fail(errno, "fstat");
  FileTail tail;
  tail.size = static_cast<std::uint64_t>(status.st_size);
  std::uint64_t end = tail.size;
  while (end > 0 && !tail.last_key) {
    const std::uint64_t from = end > kWindow ? end - kWindow : 0;
    const std::uint64_t to = std::min(end + kLongestGroup, tail.size);
    const std::vector<std::byte> bytes = TRY(read_range(file, from, to));
    const Window window =
        scan(bytes, from, static_cast<std::size_t>(end - from), to == tail.size,
             instance);
    tail.last_key = window.last_key;
    if (end == tail.size && window.whole_end < end && !window.last_lost_site) {
      const auto rest = std::span(bytes).subspan(
          static_cast<std::size_t>(window.whole_end - from));
      if (window.last_is_ours || window.tail_bears_mark || begins_append(rest))
        tail.torn = end - window.whole_end;
    }
    end = from;
  }
  return tail;
}

core::Result<FileTail> read_from(int file, std::uint64_t from,
                                 std::uint64_t instance) {
  struct stat status = {};
  if (::fstat(file, &status) < 0) return core::fail(errno, "fstat");
  FileTail tail;
  tail.size = static_cast<std::uint64_t>(status.st_size);
  while (from < tail.size) {
    const std::uint64_t end = std::min(from + kWindow, tail.size);
    const std::uint64_t to = std::min(end + kLongestGroup, tail.size);
    const std::vector<std::byte> bytes = TRY(read_range(file, from, to));
    const Window window =
        scan(bytes, from, static_cast<std::size_t>(end - from), to == tail.size,
             instance);
    if (window.last_key) tail.last_key = window.last_key;
    from = std::max(end, window.whole_end);
  }
  return tail;
}

core::Result<Before> find_before(int file, std::uint64_t most_bytes) {
  Before before;
  struct stat status = {};
  if (::fstat(file, &status) < 0) return core::fail(errno, "fstat");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const std::uint64_t first = size - std::min(size, most_bytes);
  for (std::uint64_t end = size; end > first;) {
    const std::uint64_t from = end > kWindow ? end - kWindow : 0;
    const std::uint64_t to = std::min(end + kLongestGroup, size);
    const std::vector<std::byte> bytes = TRY(read_range(file, from, to));
    const Window window =
        scan(bytes, from, static_cast<std::size_t>(end - from), to == size, 0);
    if (!before.boot) before.boot = window.before.boot;
    if (!before.append) before.append = window.before.append;
    if (before.boot && before.append) break;
    end = from;
  }
  return before;
}

core::Result<FileTail> repair_tail(int file, std::uint64_t instance) {
  FileTail tail = TRY(read_tail(file, instance));
  if (tail.torn == 0) return tail;
  if (::ftruncate(file, static_cast<off_t>(tail.size - tail.torn)) < 0)
    return core::fail(errno, "ftruncate");
  tail.size -= tail.torn;
  return tail;
}

std::string youngest_switched_file(const std::string& path) {
  namespace fs = std::filesystem;
  const fs::path whole(path);
  const std::string name = whole.filename().string();
  std::error_code error;
  fs::path youngest;
  fs::file_time_type when = fs::file_time_type::min();
  for (const auto& entry : fs::directory_iterator(whole.parent_path(), error)) {
    const std::string other = entry.path().filename().string();
    if (!other.starts_with(name) || !is_number(other.substr(name.size())))
      continue;
    const auto changed = entry.last_write_time(error);
    if (error || changed < when) continue;
    when = changed;
    youngest = entry.path();
  }
  return youngest.string();
}

void keep_rights(int file, const std::string& path) {
  const std::string before = youngest_switched_file(path);
  struct stat status = {};
  // path0 is what csarun put back.
  if (before.empty() || before == path + "0") return;
  if (::lstat(before.c_str(), &status) < 0) return;
  if (!S_ISREG(status.st_mode)) return;
  (void)::fchown(file, status.st_uid, status.st_gid);
  (void)::fchmod(file, status.st_mode & 0666);
}

std::optional<std::uint64_t> key_in_switched_file(const std::string& path,
                                                  std::uint64_t instance) {
  const std::string youngest = youngest_switched_file(path);
  if (youngest.empty()) return std::nullopt;
  const auto file = sys::open_at(AT_FDCWD, youngest.c_str(), O_RDONLY);
  if (!file) return std::nullopt;
  const auto tail = read_tail(file->get(), instance);
  return tail ? tail->last_key : std::nullopt;
}

}  // namespace accounting
