// SPDX-License-Identifier: Apache-2.0
// Which boot a file tells of: what a step of the clock does not change, what
// another boot does, and the end of a job whose boot is over.
#include "accounting/boot_told.h"

#include <doctest/doctest.h>

#include "accounting/crash_encode.h"
#include "accounting/open_jobs.h"
#include "accounting/record_filter.h"
#include "record_samples.h"
#include "scribe_process.h"

namespace {

using namespace accounting;
using samples::Bytes;
using samples::ScribeProcess;

constexpr std::uint64_t kBegan = 1795303000;  // seconds

sys::Boot boot_at(std::uint64_t seconds, std::uint8_t id) {
  return {.id = {id}, .began = core::RealTime(seconds * 1000000)};
}

BootTold told(std::uint64_t seconds, std::uint8_t id) {
  return {.boottime = static_cast<std::int64_t>(seconds),
          .curtime = static_cast<std::int64_t>(seconds) + 100,
          .id = {id}};
}

/// The configuration record of a file that was begun in `boot`.
RecordBytes opened_in(const sys::Boot& boot) {
  FileOpened opened;
  opened.key = {.instance = 77, .key = 0};
  opened.booted = boot.began;
  opened.when = core::RealTime(boot.began.raw() + 100000000);
  RecordBytes bytes = encode(opened);
  tell_boot(bytes, boot);
  return bytes;
}

std::vector<csa::Configuration> configurations(const std::string& path) {
  std::vector<csa::Configuration> all;
  for (const Group& group : samples::read_groups(path).groups)
    if (group.configuration) all.push_back(*group.configuration);
  return all;
}

/// What a scribe of another instance adds to a file that was begun in `boot`.
std::vector<csa::Configuration> added_behind(const sys::Boot& boot) {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  Bytes bytes;
  samples::add(bytes, opened_in(boot));
  for (std::uint64_t i = 0; i < 2000; ++i)  // more than one look back
    samples::add(bytes, encode(samples::process_end(i)));
  samples::write_file(path, bytes);
  ScribeProcess scribe(path);
  scribe.greet(99);
  REQUIRE(scribe.status());
  CHECK(scribe.order(ScribeOrder::kOff));
  CHECK(scribe.order(ScribeOrder::kOn));
  CHECK(scribe.close() == 0);
  return configurations(path);
}

}  // namespace

TEST_CASE("a boot is known by its id, else by its time") {
  const sys::Boot boot = boot_at(kBegan, 1);
  CHECK(is_same_boot(told(kBegan, 1), boot));
  CHECK(is_same_boot(told(kBegan - 86400, 1), boot));  // a step of the clock
  CHECK_FALSE(is_same_boot(told(kBegan, 2), boot));
  CHECK(is_same_boot(told(kBegan - 60, 0), boot));
  CHECK(is_same_boot(told(kBegan + 60, 0), boot));
  CHECK_FALSE(is_same_boot(told(kBegan - 61, 0), boot));
  CHECK_FALSE(is_same_boot(told(kBegan + 61, 0), boot));
  // It was written before the boot began: of another, however near.
  BootTold before = told(kBegan - 10, 0);
  before.curtime = static_cast<std::int64_t>(kBegan) - 1;
  CHECK_FALSE(is_same_boot(before, boot));
}

TEST_CASE("this machine tells its boot") {
  const sys::Boot boot = sys::this_boot();
  CHECK(boot.id == sys::this_boot().id);
  CHECK(boot.id != sys::BootId{});
}

TEST_CASE(
    "a scribe tells of another boot first, and of its own as it was told") {
  const sys::Boot now = sys::this_boot();
  sys::Boot other = now;
  other.id[0] ^= 1U;
  const auto next = added_behind(other);
  REQUIRE(next.size() == 4);
  CHECK(next[1].event ==
        static_cast<std::uint8_t>(csa::ConfigurationEvent::kBoot));
  CHECK(next[1].boottime == next[3].boottime);
  sys::Boot stepped = now;  // the clock was stepped since
  stepped.began = core::RealTime(now.began.raw() - 5000000000);
  const auto same = added_behind(stepped);
  REQUIRE(same.size() == 3);  // off and on
  CHECK(same[1].boottime == same[0].boottime);
  CHECK(same[2].boottime == same[0].boottime);
}

TEST_CASE("what is left open is told from what a boot before left") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  const sys::Boot first = boot_at(kBegan, 1);
  const sys::Boot second = boot_at(kBegan + 1000, 2);
  Bytes bytes;
  auto start = samples::start_of_job(1);
  start.jid = core::make_job_id(0, 1);
  samples::add(bytes, opened_in(first));
  samples::add(bytes, encode(start));
  start.jid = core::make_job_id(0, 2);
  samples::add(bytes, opened_in(second));
  samples::add(bytes, encode(start));
  start.jid = core::make_job_id(0, 3);
  samples::add(bytes, encode(start));
  EndOfJob end = samples::end_of_job(9);
  end.jid = core::make_job_id(0, 3);
  samples::add(bytes, encode_alone(end));
  samples::write_file(path, bytes);
  const auto found = find_open_jobs(path, 0, kSearchedBytes, second);
  REQUIRE(found);
  REQUIRE(found->open.size() == 2);  // an end alone is one
  CHECK_FALSE(found->open[0].is_of_this_boot);
  CHECK(found->open[1].is_of_this_boot);
}

TEST_CASE("an end alone is an end, without CSA's record, and off with it") {
  EndOfJob end = samples::end_of_job(4);
  const RecordBytes bytes = encode_alone(end);
  CHECK(bytes.size == sizeof(SiteEnd));
  const ParseResult read = parse_group(bytes.view(), true);
  REQUIRE(read.verdict == ParseVerdict::kGroup);
  REQUIRE(read.group.end);
  CHECK(read.group.is_sound);
  CHECK(read.group.end->jid == end.jid.raw());
  RecordBytes scratch;
  core::RecordSwitches on;
  CHECK(filter_append(on, bytes.view(), scratch).size() == bytes.size);
  on.kinds &= ~core::bit_of(core::AccountKind::kJob);
  CHECK(filter_append(on, bytes.view(), scratch).empty());
}
