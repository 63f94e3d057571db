// SPDX-License-Identifier: Apache-2.0
// What an instance that ended for good could not write is told by the next
// scribe of the file, once.
#include "accounting/left_losses.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "record_samples.h"
#include "scribe_process.h"

namespace {

using namespace accounting;
using samples::ScribeProcess;

constexpr std::uint64_t kRecords = 400;
constexpr std::uint64_t kOther = samples::kInstance + 1;
constexpr rlim_t kRoom = std::size_t{64} << 10U;

/// A scribe of the sample instance whose file may not grow beyond kRoom, which
/// is a full disk to it, that keeps what it cannot write and leaves. How much
/// that was.
std::uint64_t leave_some(const std::string& path) {
  rlimit before = {};
  (void)::getrlimit(RLIMIT_FSIZE, &before);
  rlimit narrow = before;
  narrow.rlim_cur = kRoom;
  (void)::setrlimit(RLIMIT_FSIZE, &narrow);
  ScribeProcess scribe(path);
  (void)::setrlimit(RLIMIT_FSIZE, &before);
  scribe.greet();
  REQUIRE(scribe.status());
  for (std::uint64_t key = 1; key <= kRecords;)
    if (scribe.send(key, encode(samples::start_of_job(key))))
      ++key;
    else
      (void)scribe.status();
  const auto full = scribe.await([](const ScribeStatus& status) {
    return status.accepted_key == kRecords;
  });
  REQUIRE(full);
  REQUIRE(full->code == EFBIG);
  const auto left = scribe.order(ScribeOrder::kLeave);
  REQUIRE(left);
  CHECK(left->control_code == 0);
  CHECK(left->waiting == 0);
  CHECK(scribe.close() == 0);
  return full->waiting;
}

/// The losses that a file tells, after a scribe of that instance has begun and
/// written one record.
std::vector<SiteLoss> losses_after(const std::string& path,
                                   std::uint64_t instance) {
  ScribeProcess scribe(path);
  scribe.greet(instance);
  REQUIRE(scribe.status());
  (void)scribe.close();
  const auto file = samples::read_groups(path);
  CHECK(file.damages.empty());
  std::vector<SiteLoss> losses;
  for (const Group& group : file.groups)
    if (const auto loss = site_as<SiteLoss>(group, SiteKind::kLoss))
      losses.push_back(*loss);
  return losses;
}

std::vector<LeftLoss> notes_beside(const samples::Directory& directory) {
  const auto file = sys::open_at(
      AT_FDCWD, directory.file(".corral-scribe.lock").c_str(), O_RDWR);
  REQUIRE(file);
  return left_losses(file->get());
}

}  // namespace

TEST_CASE("what an instance could not write is told by the next one, once") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  const std::uint64_t waiting = leave_some(path);
  REQUIRE(waiting > 0);
  CHECK(notes_beside(directory).size() == 1);
  const auto losses = losses_after(path, kOther);
  REQUIRE(losses.size() == 1);
  CHECK(losses[0].count == waiting);
  CHECK(losses[0].first_key == kRecords - waiting + 1);
  CHECK(losses[0].key == kRecords);
  CHECK(losses[0].code == EFBIG);
  CHECK(notes_beside(directory).empty());
  CHECK(losses_after(path, kOther + 1).size() == 1);
}

TEST_CASE("a loss that is in the file already is not told again") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  (void)leave_some(path);
  const auto notes = notes_beside(directory);
  REQUIRE(notes.size() == 1);
  REQUIRE(losses_after(path, kOther).size() == 1);
  const auto file = sys::open_at(
      AT_FDCWD, directory.file(".corral-scribe.lock").c_str(), O_RDWR);
  REQUIRE(file);
  REQUIRE(leave_loss(file->get(), notes[0].loss));  // killed before it forgot
  CHECK(losses_after(path, kOther + 1).size() == 1);
  CHECK(notes_beside(directory).empty());
}

TEST_CASE("an instance that goes on has lost nothing") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  REQUIRE(leave_some(path) > 0);
  CHECK(losses_after(path, samples::kInstance).empty());
  CHECK(notes_beside(directory).empty());
}

TEST_CASE("of more instances than there is room for none is forgotten") {
  const samples::Directory directory;
  const auto file = sys::open_at(AT_FDCWD, directory.file("notes").c_str(),
                                 O_RDWR | O_CREAT, 0600);
  REQUIRE(file);
  REQUIRE(reserve_left_losses(file->get()));
  CHECK(left_losses(file->get()).empty());
  for (std::uint64_t instance = 1; instance <= 20; ++instance)
    REQUIRE(leave_loss(file->get(), {.last = {.instance = instance, .key = 9},
                                     .first_key = 1,
                                     .count = instance,
                                     .when = core::RealTime(1)}));
  std::uint64_t count = 0;
  for (const LeftLoss& left : left_losses(file->get()))
    count += left.loss.count;
  CHECK(count == 20 * 21 / 2);
  REQUIRE(::pwrite(file->get(), "x", 1, 8) == 1);  // of the first
  CHECK(left_losses(file->get()).size() == 7);
}
