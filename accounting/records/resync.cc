// SPDX-License-Identifier: Apache-2.0
#include "accounting/records/resync.h"

#include <cstring>

#include "accounting/records/entry_check.h"

namespace accounting {

namespace {

constexpr std::size_t kHead = sizeof(csa::Head);

csa::Head native_head(const std::byte* bytes) {
  csa::Head head;
  std::memcpy(&head, bytes, kHead);
  if (head.magic != csa::kForeignMagic) return head;
  const auto swapped = [](std::uint16_t value) {
    return static_cast<std::uint16_t>((value >> 8U) | (value << 8U));
  };
  head.magic = csa::kMagic;
  head.revision = swapped(head.revision);
  head.size = swapped(head.size);
  return head;
}

}  // namespace

std::optional<std::uint64_t> find_primary(ByteWindow& window,
                                          std::uint64_t from) {
  for (;;) {
    const auto bytes = window.at(from, ByteWindow::kReach);
    if (bytes.size() < kHead) return std::nullopt;
    for (std::size_t i = 0; i + kHead <= bytes.size(); ++i)
      if (is_primary_head(native_head(bytes.data() + i))) return from + i;
    from += bytes.size() - kHead + 1;
  }
}

bool ResilientReader::next(Entry& entry) {
  damage_.reset();
  const std::uint64_t begin = reader_.position();
  ReadStatus status = reader_.next(entry);
  std::uint64_t at = begin;
  while (status != ReadStatus::kEntry) {
    if (status == ReadStatus::kEnd && reader_.position() == at) break;
    const auto found = find_primary(reader_.window(), at + 1);
    if (!found) {
      damage_ = {
          .offset = begin, .size = reader_.size() - begin, .is_tail = true};
      reader_.seek(reader_.size());
      return false;
    }
    at = *found;
    reader_.seek(at);
    status = reader_.next(entry);
  }
  if (at != begin) damage_ = {.offset = begin, .size = at - begin};
  return status == ReadStatus::kEntry;
}

}  // namespace accounting
