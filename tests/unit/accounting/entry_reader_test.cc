// SPDX-License-Identifier: Apache-2.0
// Entries forwards, backwards, in the other byte order and in blocks at a time
// are the same entries.
#include "accounting/records/entry_reader.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>

#include "accounting/build/placed_bytes.h"
#include "accounting/build/stretches.h"
#include "accounting/csa_group.h"
#include "accounting/records/entry_blocks.h"

namespace {

using namespace accounting;

constexpr const char* kPublished =
    CORRAL_SOURCE "/tests/data/csa/golden-a/in/pacct1";

std::string content(const std::string& path) {
  std::string bytes(std::filesystem::file_size(path), '\0');
  std::ifstream(path, std::ios::binary)
      .read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

ByteWindow window_on(std::string_view bytes) {
  sys::UniqueFd file(::memfd_create("entries", MFD_CLOEXEC));
  REQUIRE(file.is_open());
  REQUIRE(::write(file.get(), bytes.data(), bytes.size()) ==
          static_cast<ssize_t>(bytes.size()));
  auto window = ByteWindow::of(std::move(file));
  REQUIRE(window.has_value());
  return std::move(*window);
}

struct Seen {
  std::uint64_t offset;
  std::uint64_t size;
  std::uint16_t type;
  bool has_io;
  bool operator==(const Seen&) const = default;
};

Seen seen(const Entry& entry) {
  return {entry.offset, entry.size, entry.prime->type, entry.io != nullptr};
}

std::vector<Seen> forwards(std::string_view bytes) {
  EntryReader reader(window_on(bytes));
  std::vector<Seen> all;
  Entry entry;
  while (reader.next(entry) == ReadStatus::kEntry)
    all.push_back(seen(entry));
  CHECK(reader.position() == bytes.size());
  return all;
}

/// The same records as a machine of the other byte order writes them.
std::string foreign(std::string bytes) {
  for (std::size_t at = 0; at + sizeof(csa::Head) <= bytes.size();) {
    csa::Head head;
    std::memcpy(&head, bytes.data() + at, sizeof head);
    REQUIRE(head.size > 0);
    swap_record(reinterpret_cast<std::byte*>(bytes.data()) + at,
                static_cast<csa::RecordType>(head.type));
    at += head.size;
  }
  return bytes;
}

struct Offsets {
  std::vector<Seen> all;
};
struct Gatherer {
  Offsets offsets;
  void begin() { offsets = {}; }
  bool entry(const Entry& entry) {
    offsets.all.push_back(seen(entry));
    return true;
  }
  Offsets finish() { return std::move(offsets); }
};

}  // namespace

TEST_CASE("a published file is read the same way backwards") {
  const std::string bytes = content(kPublished);
  const auto there = forwards(bytes);
  CHECK(there.size() > 100);
  EntryReader reader(window_on(bytes));
  reader.seek(reader.size());
  std::vector<Seen> back;
  Entry entry;
  while (reader.previous(entry) == ReadStatus::kEntry)
    back.push_back(seen(entry));
  std::ranges::reverse(back);
  CHECK(there == back);
}

TEST_CASE("and in the other byte order") {
  const std::string bytes = content(kPublished);
  const std::string other = foreign(bytes);
  REQUIRE(other != bytes);
  EntryReader reader(window_on(bytes));
  EntryReader swapped(window_on(other));
  Entry one;
  Entry two;
  for (;;) {
    const ReadStatus status = reader.next(one);
    CAPTURE(one.offset);
    REQUIRE(swapped.next(two) == status);
    if (status != ReadStatus::kEntry) break;
    REQUIRE(seen(one) == seen(two));
    if (one.process != nullptr) {
      CHECK(one.process->jid == two.process->jid);
      CHECK(one.process->btime == two.process->btime);
    }
  }
}

TEST_CASE("blocks at a time give the entries and damages of one reader") {
  const std::string file = content(kPublished);
  std::string bytes;
  while (bytes.size() < 3 * kBlock)
    bytes += file;
  // Holes: early, over the border of the first two blocks, and a long one.
  bytes.erase(70'000, 37);
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(kBlock) - 1000, 3000,
              '\0');
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(2 * kBlock), 200'000,
              '\x5a');

  std::vector<Seen> wanted;
  std::vector<std::uint64_t> wanted_damage;
  ResilientReader reader(window_on(bytes));
  Entry entry;
  for (;;) {
    const bool is_entry = reader.next(entry);
    if (reader.damage()) wanted_damage.push_back(reader.damage()->offset);
    if (!is_entry) break;
    wanted.push_back(seen(entry));
  }
  CHECK(wanted_damage.size() >= 3);

  std::vector<Seen> found;
  std::vector<std::uint64_t> damage;
  const auto done = for_each_block<Offsets>(
      window_on(bytes), 0, [] { return Gatherer(); },
      [&](BlockResult<Offsets>& result) {
        found.insert(found.end(), result.piece.all.begin(),
                     result.piece.all.end());
        for (const DamagedRange& range : result.damages)
          damage.push_back(range.offset);
        return true;
      });
  REQUIRE(done.has_value());
  CHECK(found == wanted);
  CHECK(damage == wanted_damage);
}

TEST_CASE("bytes that come in any order are written to their places") {
  constexpr std::uint64_t kSize = (20U << 20) + 12'345;
  std::string wanted(kSize, '\0');
  for (std::uint64_t i = 0; i < kSize; ++i)
    wanted[i] = static_cast<char>(i * 2'654'435'761U >> 13U);
  const sys::UniqueFd file(::memfd_create("places", MFD_CLOEXEC));
  REQUIRE(file.is_open());
  build::PlacedBytes bytes(file.get(), kSize);
  // Pieces of 997 bytes, each far from the one before it.
  constexpr std::uint64_t kPiece = 997;
  const std::uint64_t count = kSize / kPiece + 1;
  constexpr std::uint64_t kStride = 7'919;
  REQUIRE(count % kStride != 0);
  for (std::uint64_t i = 0, piece = 0; i < count; ++i) {
    const std::uint64_t offset = piece * kPiece;
    const auto part = std::string_view(wanted).substr(offset, kPiece);
    part.copy(bytes.room(offset, part.size()), part.size());
    bytes.keep(part.size());
    piece = (piece + kStride) % count;
  }
  bytes.flush();
  CHECK(bytes.error() == 0);
  CHECK(content("/proc/self/fd/" + std::to_string(file.get())) == wanted);
  CHECK(bytes.room(kSize - 1, 2) != nullptr);
  bytes.keep(2);
  CHECK(bytes.error() == EFBIG);
}

TEST_CASE("stretches are the same in memory and in a file") {
  // More than stay in memory.
  constexpr std::uint32_t kCount = 2'500'000;
  build::Stretches stretches;
  for (std::uint32_t i = 0; i < kCount; ++i)
    REQUIRE(stretches.add({.segment = i, .entries = i + 1}).has_value());
  REQUIRE(stretches.size() == kCount);
  const auto same = [&](std::size_t first, std::size_t last) {
    const auto read = stretches.read(first, last);
    if (!read || read->size() != last - first) return false;
    for (std::size_t i = first; i < last; ++i)
      if ((*read)[i - first].segment != i) return false;
    return true;
  };
  CHECK(same(0, 0));
  CHECK(same(0, kCount));
  CHECK(same(1'048'570, 1'048'580));
  CHECK(same(2'097'000, 2'099'000));
  CHECK(same(kCount - 1, kCount));
  CHECK(same(kCount, kCount));
}
