// SPDX-License-Identifier: Apache-2.0
// The scribe against a killed scribe, a full disk and a renamed file. Each
// scribe is a process of its own, as in life.
#include "accounting/scribe.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cstring>
#include <map>
#include <optional>
#include <random>

#include <doctest/doctest.h>

#include "accounting/append.h"
#include "accounting/recovery.h"
#include "record_samples.h"
#include "scribe_process.h"
#include "sys/message_socket.h"
#include "tests/unit/not_checked.h"

namespace {

using namespace accounting;
using samples::Bytes;
using samples::kQuick;
using samples::ScribeProcess;

/// How often each key of the instance is in the file, in the file's order.
std::vector<std::uint64_t> keys_in(const samples::ReadFile& file) {
  std::vector<std::uint64_t> keys;
  for (const Group& group : file.groups)
    if (group.site && kind_of(group.site->head) != SiteKind::kOpened &&
        group.site->head.instance == samples::kInstance)
      keys.push_back(group.site->key);
  return keys;
}

std::vector<std::uint64_t> up_to(std::uint64_t last) {
  std::vector<std::uint64_t> keys;
  for (std::uint64_t key = 1; key <= last; ++key)
    keys.push_back(key);
  return keys;
}

RecordBytes record_of(std::uint64_t key) {
  switch (key % 3) {
    case 0:
      return encode(samples::start_of_job(key));
    case 1:
      return encode(samples::process_end(key));
    default:
      return encode(samples::end_of_job(key));
  }
}

bool has_torn_end(const std::string& path) {
  const auto file = sys::open_at(AT_FDCWD, path.c_str(), O_RDONLY);
  if (!file) return false;
  const auto tail = read_tail(file->get(), samples::kInstance);
  return tail && tail->torn > 0;
}

/// Runs `body` in a child with a file system of its own of `size` at `path`;
/// its exit code; 77: not allowed here.
template <class Body>
int in_small_file_system(const std::string& path, const char* size, Body body) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::unshare(CLONE_NEWNS) < 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0 ||
        ::mount("tmpfs", path.c_str(), "tmpfs", 0, size) < 0)
      ::_exit(77);
    ::_exit(body());
  }
  int status = 0;
  (void)::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// It says at once that it cannot write, because of `code`; a record that it
/// gets is kept.
void check_keeps_one(ScribeProcess& scribe, int code) {
  scribe.greet();
  const auto first = scribe.status();
  REQUIRE(first);
  CHECK(first->code == code);
  scribe.send(1, record_of(1), kWantsSync);
  const auto kept = scribe.await(
      [](const ScribeStatus& status) { return status.accepted_key == 1; });
  REQUIRE(kept);
  CHECK(kept->written_key == 0);
  CHECK(kept->waiting == 1);
}

}  // namespace

TEST_CASE("what is sent is in the file once, in order, behind a first record") {
  const samples::Directory directory;
  const std::string path = directory.file("day/new/pacct");
  ScribeProcess scribe(path);
  scribe.greet();
  const auto first = scribe.status();
  REQUIRE(first);
  CHECK(first->written_key == 0);
  CHECK(first->code == 0);
  for (std::uint64_t key = 1; key <= 100; ++key)
    CHECK(scribe.send(key, record_of(key), key % 3 == 0 ? kWantsSync : 0));
  CHECK(scribe.send(50, record_of(50)));  // a repetition
  const auto last = scribe.await(
      [](const ScribeStatus& status) { return status.written_key == 100; });
  REQUIRE(last);
  CHECK(last->waiting == 0);
  CHECK(last->lost == 0);
  CHECK(last->synced_key >= 99);
  CHECK(scribe.close() == 0);
  const auto file = samples::read_groups(path);
  CHECK(file.damages.empty());
  CHECK(keys_in(file) == up_to(100));
  REQUIRE(file.groups.size() == 101);
  REQUIRE(file.groups[0].configuration);
  CHECK(file.groups[0].configuration->boottime > 0);
}

TEST_CASE("several requests in a packet are each taken") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  ScribeProcess scribe(path);
  scribe.greet();
  REQUIRE(scribe.status());
  const RecordBytes three[] = {record_of(1), record_of(2), record_of(3)};
  CHECK(scribe.send_batch(1, three));
  const RecordBytes next[] = {record_of(2), record_of(3), record_of(4)};
  CHECK(scribe.send_batch(2, next));  // 2 and 3 were there: a repetition
  CHECK(scribe.send(5, record_of(5)));
  CHECK(scribe.await(
      [](const ScribeStatus& status) { return status.written_key == 5; }));
  CHECK(keys_in(samples::read_groups(path)) == up_to(5));
}

TEST_CASE("a new scribe says what is in the file and goes on behind it") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  for (std::uint64_t round = 0; round < 3; ++round) {
    ScribeProcess scribe(path);
    scribe.greet();
    const auto first = scribe.status();
    REQUIRE(first);
    CHECK(first->written_key == round * 10);
    for (std::uint64_t key = 1; key <= round * 10 + 10; ++key)
      scribe.send(key, record_of(key));
    scribe.await([&](const ScribeStatus& status) {
      return status.written_key == round * 10 + 10;
    });
  }
  CHECK(keys_in(samples::read_groups(path)) == up_to(30));
}

TEST_CASE("what is in the socket when its peer ends is still written") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  ScribeProcess scribe(path);
  scribe.greet();
  std::uint64_t sent = 0;
  while (sent < 40 && scribe.send(sent + 1, record_of(sent + 1)))
    ++sent;
  CHECK(scribe.close() == 0);
  CHECK(keys_in(samples::read_groups(path)) == up_to(sent));
}

TEST_CASE("a scribe waits for the one before it of the same instance") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  ScribeProcess old(path);
  old.greet();
  REQUIRE(old.status());
  ScribeProcess other(path);
  other.greet(77);
  CHECK(other.status());  // another instance need not wait
  ScribeProcess next(path);
  next.greet();
  CHECK_FALSE(next.status(100));
  (void)::kill(old.pid(), SIGSTOP);
  old.send(1, record_of(1));
  old.close_socket();
  (void)::kill(old.pid(), SIGCONT);
  const auto status = next.status();
  REQUIRE(status);
  CHECK(status->written_key == 1);
}

TEST_CASE("killed at 300 random instants, each key is in the file once") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  std::mt19937 random(20);  // NOLINT(cert-msc51-cpp): the same every time
  std::uint64_t sent_to = 0;
  std::uint64_t torn = 0;
  for (int round = 0; round < 300; ++round) {
    ScribeProcess scribe(path);
    scribe.greet();
    const auto first = scribe.status();
    REQUIRE(first);
    REQUIRE(first->written_key <= sent_to);
    const std::uint64_t goal = first->written_key + 1 + random() % 120;
    for (std::uint64_t key = first->written_key + 1; key <= goal; ++key) {
      if (!scribe.send(key, record_of(key), random() % 8 == 0)) break;
      sent_to = std::max(sent_to, key);
    }
    ::usleep(static_cast<useconds_t>(random() % 2000));
    scribe.kill();
    (void)scribe.close();
    torn += has_torn_end(path) ? 1U : 0U;
  }
  ScribeProcess scribe(path);
  scribe.greet();
  const auto last = scribe.status();
  REQUIRE(last);
  (void)scribe.close();
  const auto file = samples::read_groups(path);
  CHECK(file.damages.empty());
  CHECK(keys_in(file) == up_to(last->written_key));
  MESSAGE("300 kills, " << torn << " torn ends, " << last->written_key
                        << " records compared");
}

TEST_CASE("a full disk: kept, counted, and written when there is room") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  const std::string ballast = directory.file("ballast");
  const int code = in_small_file_system(directory.path(), "size=256k", [&] {
    samples::write_file(ballast, Bytes(std::size_t{200} << 10U));
    ScribeProcess scribe(path);
    scribe.greet();
    if (!scribe.status()) return 1;
    constexpr std::uint64_t kKeys = 400;  // about 180 KiB
    std::uint64_t key = 1;
    while (key <= kKeys)
      if (scribe.send(key, record_of(key)))
        ++key;
      else
        (void)scribe.status();
    const auto full = scribe.await([](const ScribeStatus& status) {
      return status.accepted_key == kKeys;
    });
    if (!full || full->code != ENOSPC || full->waiting == 0 || full->lost != 0)
      return 2;
    if (full->written_key + full->waiting != kKeys) return 3;
    const auto before = samples::read_groups(path);
    if (!before.damages.empty()) return 4;  // nothing was written in part
    std::filesystem::remove(ballast);
    const auto room = scribe.await(
        [](const ScribeStatus& status) { return status.written_key == kKeys; });
    if (!room || room->code != 0 || room->waiting != 0) return 5;
    (void)scribe.close();
    const auto after = samples::read_groups(path);
    return after.damages.empty() && keys_in(after) == up_to(kKeys) ? 0 : 6;
  });
  if (code == 77) return unit::not_checked("needs a mount namespace");
  CHECK(code == 0);
}

TEST_CASE("a loss that memory forces is itself recorded") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  const std::string ballast = directory.file("ballast");
  ScribeOptions options = kQuick;
  options.most_kept_bytes = 10000;
  const int code = in_small_file_system(directory.path(), "size=64k", [&] {
    samples::write_file(ballast, Bytes(std::size_t{64} << 10U));
    ScribeProcess scribe(path, options);
    scribe.greet();
    if (!scribe.status()) return 1;
    for (std::uint64_t key = 1; key <= 60; ++key)
      scribe.send(key, record_of(key));
    const auto full = scribe.await(
        [](const ScribeStatus& status) { return status.accepted_key == 60; });
    if (!full || full->lost == 0 || full->waiting + full->lost != 60) return 2;
    std::filesystem::remove(ballast);
    if (!scribe.await([](const ScribeStatus& status) {
          return status.written_key == 60;
        }))
      return 3;
    scribe.send(61, record_of(61));
    if (!scribe.await([](const ScribeStatus& status) {
          return status.written_key == 61;
        }))
      return 4;
    (void)scribe.close();
    const auto file = samples::read_groups(path);
    if (file.groups.size() != full->waiting + 3) return 5;
    const Group& loss = file.groups[file.groups.size() - 2];
    const auto site = site_as<SiteLoss>(loss, SiteKind::kLoss);
    if (!site || site->count != full->lost || site->key != 60) return 6;
    return site->first_key == full->waiting + 1 && site->code == ENOSPC ? 0 : 7;
  });
  if (code == 77) return unit::not_checked("needs a mount namespace");
  CHECK(code == 0);
}

TEST_CASE("a file that csaswitch renames is followed by a new one") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  {
    ScribeProcess scribe(path);
    scribe.greet();
    REQUIRE(scribe.status());
    scribe.send(1, record_of(1));
    REQUIRE(scribe.status());
    std::filesystem::rename(path, directory.file("pacct1"));
    scribe.send(2, record_of(2));
    REQUIRE(scribe.await(
        [](const ScribeStatus& status) { return status.written_key == 2; }));
    std::filesystem::rename(path, directory.file("pacct2"));
  }
  CHECK(keys_in(samples::read_groups(directory.file("pacct1"))) ==
        std::vector<std::uint64_t>{1});
  CHECK(keys_in(samples::read_groups(directory.file("pacct2"))) ==
        std::vector<std::uint64_t>{2});
  ScribeProcess next(path);
  next.greet();
  const auto status = next.status();
  REQUIRE(status);
  CHECK(status->written_key == 2);
}

TEST_CASE("an order to switch that a dead scribe carried out is done") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  std::optional<ScribeStatus> before;
  {
    ScribeProcess scribe(path);
    scribe.greet();
    scribe.send(1, record_of(1));
    before = scribe.await(
        [](const ScribeStatus& status) { return status.written_key == 1; });
    REQUIRE(before);
    CHECK(before->inode != 0);
    scribe.kill();
  }
  // Killed behind the rename: another may come before it is asked again.
  for (const bool is_renamed : {false, true}) {
    CAPTURE(is_renamed);
    if (is_renamed) std::filesystem::rename(path, directory.file("pacct2"));
    ScribeProcess next(path);
    next.greet();
    REQUIRE(next.status());
    const auto done = next.order(ScribeOrder::kSwitch, *before);
    REQUIRE(done);
    CHECK(done->control_code == 0);
    CHECK(done->switched_number == (is_renamed ? 2U : 1U));
    CHECK(std::filesystem::exists(path));
    CHECK(done->inode != before->inode);
    if (!is_renamed)  // again as it was
      std::filesystem::rename(directory.file("pacct1"), path);
  }
  CHECK(keys_in(samples::read_groups(directory.file("pacct2"))) == up_to(1));
  CHECK_FALSE(std::filesystem::exists(directory.file("pacct1")));
  // A file that is none of those is switched.
  ScribeProcess last(path);
  last.greet();
  const auto status = last.status();
  CHECK(last.order(ScribeOrder::kSwitch, *status)->switched_number == 1);
}

TEST_CASE(
    "told to switch, a scribe goes on in a file that knows its last key") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  {
    ScribeProcess scribe(path);
    scribe.greet();
    REQUIRE(scribe.status());
    scribe.send(1, record_of(1));
    const auto first = scribe.order(ScribeOrder::kSwitch);
    REQUIRE(first);
    CHECK(first->control_code == 0);
    CHECK(first->switched_number == 1);
    CHECK(first->written_key == 1);
    CHECK(scribe.order(ScribeOrder::kSwitch)->switched_number == 2);
    scribe.send(2, record_of(2));
    REQUIRE(scribe.await(
        [](const ScribeStatus& status) { return status.written_key == 2; }));
    CHECK(scribe.order(ScribeOrder::kSwitch)->switched_number == 3);
  }
  CHECK(keys_in(samples::read_groups(directory.file("pacct1"))) == up_to(1));
  CHECK(keys_in(samples::read_groups(directory.file("pacct2"))).empty());
  for (const char* const name : {"pacct1", "pacct2", "pacct3"})
    std::filesystem::remove(directory.file(name));  // csarun took them
  ScribeProcess next(path);
  next.greet();
  CHECK(next.status()->written_key == 2);
}

TEST_CASE(
    "while accounting is off nothing is written, nor by the next scribe") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  {
    ScribeProcess scribe(path);
    scribe.greet();
    REQUIRE(scribe.status());
    scribe.send(1, record_of(1));
    CHECK(scribe.order(ScribeOrder::kOff)->is_off == 1);
    scribe.send(2, record_of(2), kWantsSync);
    const auto skipped = scribe.await(
        [](const ScribeStatus& status) { return status.synced_key == 2; });
    REQUIRE(skipped);
    CHECK(skipped->written == 1);
    CHECK(skipped->lost == 0);
  }
  ScribeProcess next(path);
  next.greet();
  const auto off = next.status();
  REQUIRE(off);
  CHECK(off->is_off == 1);
  next.send(3, record_of(3));
  CHECK(next.order(ScribeOrder::kOn)->is_off == 0);
  next.send(4, record_of(4));
  REQUIRE(next.await(
      [](const ScribeStatus& status) { return status.written_key == 4; }));
  CHECK(keys_in(samples::read_groups(path)) ==
        std::vector<std::uint64_t>{1, 4});
}

TEST_CASE("an order that the scribe does not know is not done") {
  const samples::Directory directory;
  ScribeProcess scribe(directory.file("pacct"));
  scribe.greet();
  REQUIRE(scribe.status());
  for (const std::uint32_t unknown : {0U, 10U, ~0U}) {
    const auto told = scribe.order(static_cast<ScribeOrder>(unknown));
    REQUIRE(told);
    CHECK(told->control_code == EINVAL);
  }
  CHECK(scribe.order(ScribeOrder::kFlush)->control_code == 0);
}

TEST_CASE("a file that cannot be opened keeps nobody waiting") {
  const samples::Directory directory;
  const std::string path = directory.file("missing/pacct");
  samples::write_file(directory.file("missing"), Bytes(1));  // not a directory
  ScribeProcess scribe(path);
  check_keeps_one(scribe, ENOTDIR);
  std::filesystem::remove(directory.file("missing"));
  const auto written = scribe.await(
      [](const ScribeStatus& status) { return status.written_key == 1; });
  REQUIRE(written);
  CHECK(written->synced_key == 1);
}

TEST_CASE("what is no accounting file is left alone, and the records kept") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  const Bytes theirs(64, std::byte{'t'});
  samples::write_file(path, theirs);
  ScribeProcess scribe(path);
  check_keeps_one(scribe, kNotAccounting);
  CHECK(std::filesystem::file_size(path) == theirs.size());
  std::filesystem::remove(path);
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  REQUIRE(scribe.await(
      [](const ScribeStatus& status) { return status.code == kNotRegular; }));
  std::filesystem::remove(path);
  REQUIRE(scribe.await(
      [](const ScribeStatus& status) { return status.written_key == 1; }));
  CHECK(keys_in(samples::read_groups(path)) == up_to(1));
  CHECK(words_of(kNotAccounting) !=
        std::string_view(std::strerror(kNotAccounting)));
}

TEST_CASE("garbage on its socket is passed over") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  ScribeProcess scribe(path);
  scribe.greet();
  REQUIRE(scribe.status());
  RecordBytes garbage;
  for (std::size_t size = 0; size < 200; ++size) {
    garbage.size = size;
    ScribeRequest request;
    request.key = size + 1;
    request.size = static_cast<std::uint32_t>(size + 1);
    if (size % 2 == 0) request.magic = 0;
    if (size % 3 == 0) request.size = 0xFFFFFFFF;
    (void)scribe.send(0, garbage);
  }
  scribe.send(1, record_of(1));
  CHECK(scribe.await(
      [](const ScribeStatus& status) { return status.written_key == 1; }));
}
