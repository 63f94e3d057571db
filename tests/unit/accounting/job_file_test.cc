// SPDX-License-Identifier: Apache-2.0
// A user's own file: what is spooled is in it once, whoever of both sides is
// gone in between, and what a full disk cut short is taken back.
#include "accounting/job_file.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstring>

#include <doctest/doctest.h>

#include "accounting/job_record.h"
#include "accounting/job_spools.h"
#include "record_samples.h"

namespace {

using namespace accounting;

constexpr std::uint64_t kJid = 0x8000000100000000ULL;

RecordBytes process(std::uint64_t key, std::uint64_t jid = kJid) {
  ProcessEnd end = samples::process_end(key);
  end.record.jid = jid;
  return encode(end);
}

sys::UniqueFd open_file(const std::string& path) {
  auto file = sys::open_at(AT_FDCWD, path.c_str(),
                           O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  REQUIRE(file);
  return *std::move(file);
}

sys::UniqueFd made() {
  auto memory = JobSpool::make();
  REQUIRE(memory);
  return *std::move(memory);
}

JobSpool opened(const sys::UniqueFd& memory) {
  auto spool = JobSpool::open(memory.get());
  REQUIRE(spool);
  return *std::move(spool);
}

/// The key of each record of a file, as it stands in what CSA has to spare.
std::vector<std::uint64_t> keys_in(const std::string& path) {
  std::vector<std::uint64_t> keys;
  const auto read = samples::read_groups(path);
  CHECK(read.damages.empty());
  for (const Group& group : read.groups)
    if (group.process) keys.push_back(group.process->spare1);
  return keys;
}

std::vector<std::uint64_t> up_to(std::uint64_t last) {
  std::vector<std::uint64_t> keys;
  for (std::uint64_t key = 1; key <= last; ++key)
    keys.push_back(key);
  return keys;
}

}  // namespace

TEST_CASE("a job's processes are in its file, as the published daemon wrote") {
  const samples::Directory directory;
  const sys::UniqueFd memory = made();
  JobSpools spools;
  REQUIRE(spools.begin(kJid, memory));
  for (std::uint64_t key = 1; key <= 5; ++key) {
    spools.feed(process(key).view());
    spools.feed(process(key, kJid + 1).view());  // of another job
    spools.feed(process(key).view());            // a repetition
  }
  CHECK(spools.fed() >= 5);  // repetitions too: there is nothing more for them
  JobFile file(opened(memory), open_file(directory.file("ja")));
  REQUIRE(file.drain());
  CHECK(keys_in(directory.file("ja")) == up_to(5));
  const auto read = samples::read_groups(directory.file("ja"));
  CHECK(!read.groups[0].site);
  CHECK(!read.groups[0].is_torn);
  CHECK(read.groups[0].memory);
  CHECK(read.groups[0].io);
}

TEST_CASE("the end of the job ends what is fed to it") {
  const sys::UniqueFd memory = made();
  JobSpools spools;
  REQUIRE(spools.begin(kJid + 7, memory));
  spools.feed(encode(samples::end_of_job(7)).view());
  CHECK(spools.is_empty());
  CHECK(!opened(memory).peek());  // starts and ends are the system's alone
}

TEST_CASE("a process that is gone in the middle leaves each record once") {
  const samples::Directory directory;
  const std::string path = directory.file("ja");
  const sys::UniqueFd memory = made();
  JobSpools spools;
  REQUIRE(spools.begin(kJid, memory));
  for (std::uint64_t key = 1; key <= 3; ++key)
    spools.feed(process(key).view());
  const auto record = opened(memory).peek();
  REQUIRE(record);
  SUBCASE("written, not consumed") {
    opened(memory).note_place(0);
    samples::write_file(path, *record);
  }
  SUBCASE("written in part") {
    opened(memory).note_place(0);
    samples::write_file(path, {record->begin(), record->begin() + 50});
  }
  SUBCASE("only noted") {
    opened(memory).note_place(0);
  }
  SUBCASE("behind other bytes") {
    samples::write_file(path, {});
  }
  JobFile file(opened(memory), open_file(path));
  REQUIRE(file.drain());
  CHECK(keys_in(path) == up_to(3));
}

TEST_CASE("a scribe that comes after puts nothing in twice") {
  const sys::UniqueFd memory = made();
  {
    JobSpools spools;
    REQUIRE(spools.begin(kJid, memory));
    spools.feed(process(1).view());
    spools.feed(process(2).view());
  }
  JobSpools spools;
  REQUIRE(spools.begin(kJid, memory));
  for (std::uint64_t key = 1; key <= 3; ++key)
    spools.feed(process(key).view());
  JobSpool spool = opened(memory);
  int count = 0;
  for (; spool.peek(); ++count)
    spool.consume();
  CHECK(count == 3);
}

TEST_CASE("what finds no room in the spool is counted, and the rest stays") {
  const sys::UniqueFd memory = made();
  JobSpool spool = opened(memory);
  const std::vector<std::byte> large(600, std::byte{1});
  std::uint64_t held = 0;
  for (std::uint64_t key = 1; key <= 10000; ++key)
    held += spool.put(RecordKey{.instance = 1, .key = key}, large) ? 1U : 0U;
  CHECK(held + spool.dropped() == 10000);
  CHECK(held > 6000);
  CHECK(held < 7000);
  // The ring goes round: room again, and records over its end are whole.
  for (int round = 0; round < 20000; ++round) {
    const auto record = spool.peek();
    REQUIRE(record);
    CHECK(*record == large);
    spool.consume();
    CHECK(spool.put(std::nullopt, large));
  }
}

TEST_CASE(
    "a file that may not grow is tried again, one without a name is not") {
  const samples::Directory directory;
  const std::string path = directory.file("ja");
  const sys::UniqueFd memory = made();
  JobSpools spools;
  REQUIRE(spools.begin(kJid, memory));
  for (std::uint64_t key = 1; key <= 3; ++key)
    spools.feed(process(key).view());
  JobFile file(opened(memory), open_file(path));
  (void)std::signal(SIGXFSZ, SIG_IGN);
  rlimit before = {};
  (void)::getrlimit(RLIMIT_FSIZE, &before);
  rlimit small = {.rlim_cur = 400, .rlim_max = before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const auto refused = file.drain();
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  REQUIRE(!refused);
  CHECK(refused.error().code == EFBIG);
  CHECK(keys_in(path) == up_to(1));
  REQUIRE(file.drain());
  CHECK(keys_in(path) == up_to(3));
  REQUIRE(::unlink(path.c_str()) == 0);
  spools.feed(process(4).view());
  const auto gone = file.drain();
  REQUIRE(!gone);
  CHECK(gone.error().code == ENOENT);
}
