// SPDX-License-Identifier: Apache-2.0
#include "accounting/csa_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "accounting/append.h"
#include "accounting/settled_end.h"

namespace accounting {

namespace {

constexpr std::size_t kBufferSize = 256U << 10;

/// Why a group that could be read must not be believed; null: it may be.
const char* doubt_of(const Group& group) {
  if (!group.is_sound) return "an append whose checksum is wrong";
  if (group.is_torn) return "an append that was torn before its end";
  return nullptr;
}

}  // namespace

core::Result<sys::UniqueFd> open_for_reading(const char* path) {
  constexpr int kFlags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
  auto opened = sys::open_at(AT_FDCWD, path, kFlags);
  if (!opened && opened.error().code == ENOENT) {
    const std::string packed = path + std::string(kPackedEnding);
    if (auto other = sys::open_at(AT_FDCWD, packed.c_str(), kFlags))
      opened = std::move(other);
  }
  auto file = TRY(std::move(opened));
  struct stat status = {};
  if (::fstat(file.get(), &status) < 0) return core::fail(errno, "fstat", path);
  if (!S_ISREG(status.st_mode)) return core::fail(kNotRegular, "read", path);
  // What packs nothing writes a frame nevertheless.
  if (status.st_size == 0 && std::string_view(path).ends_with(kPackedEnding))
    return core::fail(kDamagedPack, "read", path);
  return file;
}

const char* words_of_reading(int code) {
  if (code == kDamagedPack)
    return "expected a file packed by zstd, found damaged or missing bytes";
  return words_of(code);
}

const char* words_of_reading(const std::string& path, int code) {
  struct stat status = {};
  const bool is_directory = code == kNotRegular &&
                            ::stat(path.c_str(), &status) == 0 &&
                            S_ISDIR(status.st_mode);
  return is_directory ? "expected a regular file, found a directory"
                      : words_of_reading(code);
}

CsaReader::CsaReader(sys::UniqueFd file, std::uint64_t offset)
    : file_(std::move(file)), offset_(offset) {}

std::span<const std::byte> CsaReader::rest() const {
  return std::span(buffer_).subspan(begin_, held_ - begin_);
}

void CsaReader::forget(std::size_t bytes) {
  begin_ += bytes;
  offset_ += bytes;
}

/// Is it packed? Then what comes before `offset_` is passed over.
core::Result<void> CsaReader::begin() {
  is_begun_ = true;
  if (!TRY(is_packed(file_.get()))) {
    size_ = TRY(settled_end(file_.get()));
    return {};
  }
  packed_.emplace(file_.get());
  std::vector<std::byte> passed(kBufferSize);
  for (std::uint64_t left = offset_; left > 0;) {
    const auto room = std::span(passed).first(
        static_cast<std::size_t>(std::min<std::uint64_t>(left, kBufferSize)));
    const std::size_t n = TRY(packed_->read(room));
    if (n < room.size()) break;
    left -= n;
  }
  return {};
}

/// Some of what stands at `at`; nothing at the end of the file.
core::Result<std::size_t> CsaReader::read(std::span<std::byte> room,
                                          std::uint64_t at) {
  if (packed_) return packed_->read(room);
  if (at >= size_) return 0;
  room = room.first(std::min<std::uint64_t>(room.size(), size_ - at));
  for (;;) {
    const ssize_t n =
        ::pread(file_.get(), room.data(), room.size(), static_cast<off_t>(at));
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) return core::fail(errno, "read");
  }
}

/// Reads on until a whole group is sure to be in the buffer, or the file ends.
core::Result<void> CsaReader::fill() {
  if (is_end_ || rest().size() >= kLongestGroup) return {};
  if (!is_begun_) TRY(begin());
  const std::size_t left = rest().size();
  if (buffer_.empty()) buffer_.resize(kBufferSize);
  if (left > 0) std::memmove(buffer_.data(), buffer_.data() + begin_, left);
  begin_ = 0;
  held_ = left;
  while (!is_end_ && held_ < kBufferSize) {
    const std::size_t n =
        TRY(read(std::span(buffer_).subspan(held_), offset_ + held_));
    is_end_ = n == 0;
    held_ += n;
  }
  return {};
}

/// Goes on to the next place where a whole group begins, or to the end.
core::Result<void> CsaReader::skip_damage(const char* what) {
  const std::uint64_t from = offset_;
  for (;;) {
    forget(1);
    TRY(fill());
    if (rest().empty()) break;
    if (!may_begin_group(rest())) continue;
    const ParseResult result = parse_group(rest(), is_end_);
    if (result.verdict == ParseVerdict::kGroup &&
        doubt_of(result.group) == nullptr)
      break;
  }
  damages_.push_back({.offset = from,
                      .size = offset_ - from,
                      .what = what,
                      .is_tail = rest().empty()});
  return {};
}

/// In a file from which another program took the site records no mark means
/// anything, also at its end; there a boot, which Corral marks, bears none.
void CsaReader::take_note_of_sites(Group& group) {
  const bool is_foreign_boot = offset_ == 0 && group.configuration &&
                               !group.site &&
                               group.configuration->mark != csa::kAppendMark;
  has_lost_sites_ = has_lost_sites_ || group.lost_site || is_foreign_boot;
  if (has_lost_sites_) group.is_torn = false;
}

core::Result<std::optional<Group>> CsaReader::next() {
  for (;;) {
    TRY(fill());
    if (rest().empty()) return std::nullopt;
    ParseResult result = parse_group(rest(), is_end_);
    if (result.verdict != ParseVerdict::kGroup) {
      TRY(skip_damage(result.verdict == ParseVerdict::kDamaged
                          ? result.what
                          : "the file ends within a record"));
      continue;
    }
    take_note_of_sites(result.group);
    if (const char* const doubt = doubt_of(result.group); doubt != nullptr) {
      TRY(skip_damage(doubt));
      continue;
    }
    result.group.offset = offset_;
    forget(result.group.size);
    return std::move(result.group);
  }
}

}  // namespace accounting
