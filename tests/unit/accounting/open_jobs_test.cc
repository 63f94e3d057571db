// SPDX-License-Identifier: Apache-2.0
// What an accounting file leaves open, over switched files, reused jids and
// damage, and how far back it is looked for.
#include "accounting/open_jobs.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "accounting/append.h"
#include "accounting/csa_encode.h"

namespace {

using namespace accounting;

class File {
 public:
  File() {
    char name[] = "/tmp/corral-open-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    directory_ = name;
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string path() const { return directory_ + "/pacct"; }
  void start(std::uint32_t sequence, std::uint32_t hid = 0) {
    StartOfJob start;
    start.key = {.instance = 3, .key = ++key_};
    start.jid = core::make_job_id(hid, sequence);
    start.uid = core::Uid(1000);
    start.when.real = core::RealTime(1795303530000000);
    append(encode(start));
  }
  void end(std::uint32_t sequence) {
    EndOfJob end;
    end.key = {.instance = 3, .key = ++key_};
    end.jid = core::make_job_id(0, sequence);
    append(encode(end));
  }
  void append(const RecordBytes& bytes) const {
    const auto file = open_for_append(AT_FDCWD, path().c_str());
    REQUIRE(file);
    REQUIRE(append_whole(file->get(), bytes.view()));
  }

 private:
  std::string directory_;
  std::uint64_t key_ = 0;
};

std::vector<std::uint32_t> open_of(const File& file,
                                   std::uint64_t most = kSearchedBytes) {
  const auto found = find_open_jobs(file.path(), 0, most);
  REQUIRE(found);
  std::vector<std::uint32_t> sequences;
  for (const OpenJob& job : found->open)
    sequences.push_back(core::sequence_of(job.jid));
  return sequences;
}

using Sequences = std::vector<std::uint32_t>;

TEST_CASE("a start without an end behind it is open") {
  File file;
  CHECK(open_of(file).empty());  // there is none
  file.start(2);
  file.start(1);
  file.end(2);
  file.start(3);
  file.start(4, 9);
  CHECK(open_of(file) == Sequences{1, 3});
  // Jids were used again once: the last of them counts.
  file.start(2);
  CHECK(open_of(file) == Sequences{1, 2, 3});
  const auto found = find_open_jobs(file.path(), 0);
  CHECK(found->last_sequence == 3);
  CHECK(found->open[0].uid == core::Uid(1000));
  CHECK(found->open[0].started == core::RealTime(1795303530000000));
  CHECK(found->open[0].instance == 3);
}

TEST_CASE("the file that was switched last is looked through as well") {
  File file;
  file.start(1);
  file.start(2);
  std::filesystem::rename(file.path(), file.path() + "1");
  CHECK(open_of(file) == Sequences{1, 2});
  file.end(1);
  CHECK(open_of(file) == Sequences{2});
}

TEST_CASE("what begins further back is not looked for") {
  File file;
  file.start(1);
  const auto size = std::filesystem::file_size(file.path());
  file.start(2);
  CHECK(open_of(file, size) == Sequences{2});
  CHECK(open_of(file, size + 1) == Sequences{2});
  CHECK(open_of(file, 2 * size) == Sequences{1, 2});
  std::filesystem::rename(file.path(), file.path() + "1");
  file.start(3);
  CHECK(open_of(file, size) == Sequences{3});
  CHECK(open_of(file, 2 * size) == Sequences{2, 3});
}

TEST_CASE("a private instance closes those of private ones before it") {
  constexpr std::uint32_t kOne = 0x80000001U, kOther = 0xdef608afU;
  File file;
  file.start(1, kOne);
  file.start(7, kOther);
  file.start(9);
  const auto found = find_open_jobs(file.path(), kOne);
  REQUIRE(found);
  REQUIRE(found->open.size() == 2);
  CHECK(found->open[0].jid == core::make_job_id(kOne, 1));
  CHECK(found->open[1].jid == core::make_job_id(kOther, 7));
  // Its own jids go on above its own.
  CHECK(found->last_sequence == 1);
  CHECK(open_of(file) == Sequences{9});
}

TEST_CASE("damage is passed over") {
  File file;
  file.start(1);
  file.start(2);
  file.start(3);
  const auto size = std::filesystem::file_size(file.path()) / 3;
  const auto raw = sys::open_at(AT_FDCWD, file.path().c_str(), O_WRONLY);
  REQUIRE(raw);
  REQUIRE(::pwrite(raw->get(), "????", 4, static_cast<off_t>(size + 16)) == 4);
  CHECK(open_of(file) == Sequences{1, 3});
}

}  // namespace
