// SPDX-License-Identifier: Apache-2.0
#include "accounting/csa_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "accounting/append.h"
#include "accounting/packed_file.h"

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
  return unpacked(std::move(file));
}

const char* words_of_reading(int code) {
  if (code == kDamagedPack)
    return "expected a file packed by zstd, found damaged or missing bytes";
  return words_of(code);
}

CsaReader::CsaReader(sys::UniqueFd file, std::uint64_t offset)
    : file_(std::move(file)), offset_(offset) {}

std::span<const std::byte> CsaReader::rest() const {
  return std::span(buffer_).subspan(begin_);
}

void CsaReader::forget(std::size_t bytes) {
  begin_ += bytes;
  offset_ += bytes;
}

/// Reads on until a whole group is sure to be in the buffer, or the file ends.
core::Result<void> CsaReader::fill() {
  if (is_end_ || rest().size() >= kLongestGroup) return {};
  buffer_.erase(buffer_.begin(),
                buffer_.begin() + static_cast<std::ptrdiff_t>(begin_));
  begin_ = 0;
  while (!is_end_ && buffer_.size() < kBufferSize) {
    const std::size_t held = buffer_.size();
    buffer_.resize(kBufferSize);
    const ssize_t n =
        ::pread(file_.get(), buffer_.data() + held, kBufferSize - held,
                static_cast<off_t>(offset_ + held));
    const int code = errno;
    buffer_.resize(held + static_cast<std::size_t>(n > 0 ? n : 0));
    if (n == 0) is_end_ = true;
    if (n < 0 && code != EINTR) return core::fail(code, "read");
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
