// SPDX-License-Identifier: Apache-2.0
// The journal keeps what it took: cut anywhere, damaged anywhere, compacted at
// any time.
#include "supervisor/journal.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <random>
#include <string>

#include <doctest/doctest.h>

namespace {

using supervisor::Journal;
using supervisor::JournalEntry;

struct Seen {
  std::uint64_t number;
  std::string body;
  bool operator==(const Seen&) const = default;
};

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

std::vector<Seen> entries_of(const Journal& journal) {
  std::vector<Seen> seen;
  const auto done =
      journal.replay([&](const JournalEntry& entry) -> core::Result<void> {
        seen.push_back({entry.number, std::string(reinterpret_cast<const char*>(
                                                      entry.body.data()),
                                                  entry.body.size())});
        return {};
      });
  REQUIRE(done);
  return seen;
}

std::vector<std::byte> file_of(const Journal& journal) {
  std::vector<std::byte> bytes(journal.size());
  REQUIRE(::pread(journal.memfd(), bytes.data(), bytes.size(), 0) ==
          static_cast<ssize_t>(bytes.size()));
  return bytes;
}

sys::UniqueFd memfd_with(std::span<const std::byte> bytes) {
  sys::UniqueFd file(::memfd_create("journal-test", MFD_CLOEXEC));
  REQUIRE(::write(file.get(), bytes.data(), bytes.size()) ==
          static_cast<ssize_t>(bytes.size()));
  return file;
}

Journal journal_with(int entries) {
  auto journal = Journal::create();
  REQUIRE(journal);
  std::mt19937 random(7);
  for (int i = 0; i < entries; ++i) {
    const std::string body(random() % 60, static_cast<char>('a' + i % 26));
    REQUIRE(journal->append(bytes_of(body)));
  }
  return *std::move(journal);
}

core::Result<void> publish_nowhere(int /*memfd*/) {
  return {};
}

}  // namespace

TEST_CASE("a new journal is empty, has an epoch of its own, numbers from 1") {
  const auto first = Journal::create();
  const auto second = Journal::create();
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->epoch() != 0);
  CHECK(first->epoch() != second->epoch());
  CHECK(first->next_number() == 1);
  CHECK(entries_of(*first).empty());
  CHECK((::fcntl(first->memfd(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("cut at any byte it replays to a prefix of its entries") {
  const Journal journal = journal_with(40);
  const std::vector<Seen> all = entries_of(journal);
  const std::vector<std::byte> file = file_of(journal);
  for (std::size_t size = 0; size <= file.size(); ++size) {
    auto cut = Journal::open(memfd_with(std::span(file).first(size)));
    if (size < 48) {
      REQUIRE(!cut);
      CHECK(cut.error().code == EBADMSG);
      continue;
    }
    REQUIRE(cut);
    const std::vector<Seen> left = entries_of(*cut);
    REQUIRE(left.size() <= all.size());
    CHECK(std::equal(left.begin(), left.end(), all.begin()));
    CHECK(cut->next_number() == left.size() + 1);
    CHECK(cut->epoch() == journal.epoch());
    struct stat facts = {};
    REQUIRE(::fstat(cut->memfd(), &facts) == 0);
    CHECK(static_cast<std::uint64_t>(facts.st_size) == cut->size());
    CHECK(cut->size() + cut->bytes_cut() == size);
    // It goes on where it was cut.
    REQUIRE(cut->append(bytes_of("next")));
    CHECK(entries_of(*cut).back() == Seen{left.size() + 1, "next"});
  }
}

TEST_CASE("a changed bit ends the journal before it, never changes an entry") {
  const Journal journal = journal_with(30);
  const std::vector<Seen> all = entries_of(journal);
  const std::vector<std::byte> file = file_of(journal);
  for (std::size_t at = 0; at < file.size(); ++at) {
    std::vector<std::byte> changed = file;
    changed[at] ^= std::byte(1U << (at % 8));
    const auto left = Journal::open(memfd_with(changed));
    if (at < 48) {
      CHECK(!left);
      continue;
    }
    REQUIRE(left);
    const std::vector<Seen> seen = entries_of(*left);
    CHECK(seen.size() < all.size());
    CHECK(std::equal(seen.begin(), seen.end(), all.begin()));
  }
}

TEST_CASE("what a short write left behind is never taken for an entry") {
  // The bytes of an older, longer attempt lie behind a newer, shorter entry.
  Journal journal = journal_with(5);
  std::vector<std::byte> file = file_of(journal);
  REQUIRE(journal.append(bytes_of("the sixth")));
  REQUIRE(journal.append(bytes_of("the seventh")));
  const std::vector<std::byte> longer = file_of(journal);
  // The seventh where the sixth should be: a right checksum, a wrong number.
  const std::size_t sixth = 16 + 9;
  file.insert(file.end(),
              longer.begin() + static_cast<std::ptrdiff_t>(file.size() + sixth),
              longer.end());
  const auto opened = Journal::open(memfd_with(file));
  REQUIRE(opened);
  CHECK(entries_of(*opened).size() == 5);
}

TEST_CASE("an entry that finds no room leaves nothing behind") {
  Journal journal = journal_with(3);
  const std::uint64_t before = journal.size();
  // RLIMIT_FSIZE stands in for a full memory: pwrite is short, then fails.
  rlimit old = {};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &old) == 0);
  rlimit tight = {.rlim_cur = before + 20, .rlim_max = old.rlim_max};
  struct sigaction ignore = {};
  struct sigaction was = {};
  ignore.sa_handler = SIG_IGN;
  REQUIRE(::sigaction(SIGXFSZ, &ignore, &was) == 0);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &tight) == 0);
  const auto refused = journal.append(bytes_of(std::string(100, 'x')));
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &old) == 0);
  REQUIRE(::sigaction(SIGXFSZ, &was, nullptr) == 0);
  CHECK(!refused);
  CHECK(journal.size() == before);
  CHECK(entries_of(journal).size() == 3);
  struct stat facts = {};
  REQUIRE(::fstat(journal.memfd(), &facts) == 0);
  CHECK(static_cast<std::uint64_t>(facts.st_size) == before);
  REQUIRE(journal.append(bytes_of("now")));
  CHECK(entries_of(journal).back() == Seen{4, "now"});
}

TEST_CASE("a damaged or unknown header is refused by name") {
  const Journal journal = journal_with(1);
  std::vector<std::byte> file = file_of(journal);
  file[0] ^= std::byte{1};
  const auto opened = Journal::open(memfd_with(file));
  REQUIRE(!opened);
  CHECK(opened.error().code == EBADMSG);
  CHECK(opened.error().subject.view() == "damaged header");
}

TEST_CASE("compaction keeps numbers and epoch, and publishes before it moves") {
  Journal journal = journal_with(100);
  const std::uint64_t epoch = journal.epoch();
  sys::UniqueFd kept;  // the store
  const int before = journal.memfd();
  const auto done = journal.compact(
      [](Journal& snapshot) -> core::Result<void> {
        TRY(snapshot.append(bytes_of("job a")));
        TRY(snapshot.append(bytes_of("job b")));
        return {};
      },
      [&](int memfd) -> core::Result<void> {
        CHECK(memfd != before);
        kept = sys::UniqueFd(::fcntl(memfd, F_DUPFD_CLOEXEC, 3));
        return {};
      });
  REQUIRE(done);
  CHECK(journal.epoch() == epoch);
  REQUIRE(journal.append(bytes_of("event")) == 103);
  auto reopened = Journal::open(std::move(kept));
  REQUIRE(reopened);
  CHECK(reopened->epoch() == epoch);
  CHECK(entries_of(*reopened) ==
        std::vector<Seen>{{101, "job a"}, {102, "job b"}, {103, "event"}});
}

TEST_CASE("a compaction that fails leaves the journal as it was") {
  Journal journal = journal_with(10);
  const std::vector<Seen> all = entries_of(journal);
  const auto write_one = [](Journal& snapshot) -> core::Result<void> {
    TRY(snapshot.append(bytes_of("x")));
    return {};
  };
  CHECK(!journal.compact(
      [](Journal&) { return core::Result<void>(core::fail(ENOMEM, "write")); },
      publish_nowhere));
  CHECK(!journal.compact(write_one, [](int) {
    return core::Result<void>(core::fail(EAGAIN, "put"));
  }));
  CHECK(entries_of(journal) == all);
  CHECK(journal.append(bytes_of("go on")) == 11);
}

TEST_CASE("its size is bounded by 4 MiB and twice its snapshot") {
  auto journal = Journal::create();
  REQUIRE(journal);
  const std::string event(250, 'e');
  const std::string job(3000, 'j');
  std::uint64_t largest = 0;
  int compactions = 0;
  for (int i = 0; i < 200000; ++i) {
    REQUIRE(journal->append(bytes_of(event)));
    largest = std::max(largest, journal->size());
    if (!journal->wants_compaction()) continue;
    ++compactions;
    REQUIRE(journal->compact(
        [&](Journal& snapshot) -> core::Result<void> {
          for (int live = 0; live < 1000; ++live)
            TRY(snapshot.append(bytes_of(job)));
          return {};
        },
        publish_nowhere));
  }
  CHECK(compactions > 5);
  CHECK(largest < 2 * 1000 * 3016 + 1000);
  // A journal that was opened again knows how large its snapshot was.
  auto reopened = Journal::open(
      sys::UniqueFd(::fcntl(journal->memfd(), F_DUPFD_CLOEXEC, 3)));
  REQUIRE(reopened);
  while (!reopened->wants_compaction())
    REQUIRE(reopened->append(bytes_of(event)));
  CHECK(reopened->size() < 2 * 1000 * 3016 + 1000);
}

TEST_CASE("replay ends with the first error of its visitor") {
  const Journal journal = journal_with(10);
  int visited = 0;
  const auto done =
      journal.replay([&](const JournalEntry& entry) -> core::Result<void> {
        ++visited;
        if (entry.number == 4) return core::fail(EBADMSG, "decode");
        return {};
      });
  REQUIRE(!done);
  CHECK(visited == 4);
}

TEST_CASE("an append is cheap") {
  auto journal = Journal::create();
  REQUIRE(journal);
  const std::string event(270, 'e');  // an exit record is the common event
  constexpr int kCount = 10000;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kCount; ++i)
    REQUIRE(journal->append(bytes_of(event)));
  const std::chrono::duration<double, std::micro> spent =
      std::chrono::steady_clock::now() - start;
  MESSAGE("one append takes " << spent.count() / kCount << " us");
  CHECK(spent.count() / kCount < 100);  // the machine may be busy
}
