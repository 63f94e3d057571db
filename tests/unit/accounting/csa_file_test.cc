// SPDX-License-Identifier: Apache-2.0
// The reader and damage: what is whole is read, what is not is reported with
// its byte range, the same range that the published csaverify names.
#include "accounting/csa_file.h"

#include <algorithm>
#include <functional>

#include <doctest/doctest.h>

#include "record_samples.h"

namespace {

using namespace accounting;
using samples::Bytes;

struct DamageCase {
  const char* name;
  std::function<void(Bytes&)> damage;
  std::uint64_t offset;
  std::uint64_t size;
};

void set(Bytes& bytes, std::size_t at, int value) {
  bytes[at] = static_cast<std::byte>(value);
}

Bytes sample_file() {
  Bytes bytes;
  samples::add(bytes, encode(samples::start_of_job(1)));
  samples::add(bytes, encode(samples::process_end(2)));
  samples::add(bytes, encode(samples::end_of_job(3)));
  return bytes;
}

}  // namespace

TEST_CASE("damage has the range that csaverify gives it") {
  const DamageCase cases[] = {
      {"magic",
       [](Bytes& b) {
         set(b, 19256, 255);
         set(b, 19257, 255);
       },
       19256, 376},
      {"revision", [](Bytes& b) { set(b, 27139, 5 << 4); }, 27136, 376},
      {"size",
       [](Bytes& b) {
         set(b, 23022, 255);
         set(b, 23023, 255);
       },
       23016, 376},
      {"type", [](Bytes& b) { set(b, 30900, 85); }, 30896, 376},
      {"a hole of 37 bytes",
       [](Bytes& b) { b.erase(b.begin() + 34776, b.begin() + 34776 + 37); },
       34776, 339},
      {"a negative time",
       [](Bytes& b) {
         for (std::size_t i = 0; i < 8; ++i)
           set(b, 7928 + i, 255);
       },
       7856, 376},
      {"no memory record",
       [](Bytes& b) { b.erase(b.begin() + 36912, b.begin() + 36912 + 112); },
       36776, 264},
      {"a cut end", [](Bytes& b) { b.resize(61102); }, 60936, 166},
  };
  for (const DamageCase& one : cases) {
    CAPTURE(one.name);
    Bytes bytes = samples::golden("pacct1");
    one.damage(bytes);
    const auto file = samples::read_groups(bytes);
    CHECK(file.groups.size() == 186);
    REQUIRE(file.damages.size() == 1);
    CHECK(file.damages[0].offset == one.offset);
    CHECK(file.damages[0].size == one.size);
    CHECK(file.damages[0].is_tail == (one.offset + one.size == bytes.size()));
  }
}

TEST_CASE("files without any record are damage from end to end") {
  CHECK(samples::read_groups(Bytes()).damages.empty());
  const auto zeros = samples::read_groups(Bytes(4096));
  CHECK(zeros.groups.empty());
  REQUIRE(zeros.damages.size() == 1);
  CHECK(zeros.damages[0].size == 4096);
  CHECK(zeros.damages[0].is_tail);
}

TEST_CASE("an end torn at any byte leaves the whole appends readable") {
  const Bytes bytes = sample_file();
  const std::size_t first = encode(samples::start_of_job(1)).size;
  const std::size_t second = first + encode(samples::process_end(2)).size;
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    CAPTURE(size);
    Bytes cut(bytes.begin(), bytes.begin() + static_cast<long>(size));
    const auto file = samples::read_groups(cut);
    std::size_t whole = 0;
    if (size >= first) whole = 1;
    if (size >= second) whole = 2;
    if (size == bytes.size()) whole = 3;
    CHECK(file.groups.size() == whole);
    const bool is_clean =
        size == 0 || size == first || size == second || size == bytes.size();
    CHECK(file.damages.empty() == is_clean);
    if (!is_clean) {
      CHECK(file.damages.back().is_tail);
      CHECK(file.damages.back().offset + file.damages.back().size == size);
    }
  }
}

TEST_CASE("a torn append in the middle does not hide the next one") {
  const Bytes bytes = sample_file();
  const std::size_t first = encode(samples::start_of_job(1)).size;
  const Bytes more = sample_file();
  for (std::size_t size = first + 1; size < bytes.size(); size += 3) {
    CAPTURE(size);
    Bytes joined(bytes.begin(), bytes.begin() + static_cast<long>(size));
    joined.insert(joined.end(), more.begin(), more.end());
    const auto file = samples::read_groups(joined);
    CHECK(file.groups.size() >= 4);
    REQUIRE_FALSE(file.groups.empty());
    CHECK(file.groups.back().end);
    CHECK(file.groups.back().offset + file.groups.back().size == joined.size());
  }
}

TEST_CASE("a file from which csarecy took our site records has no torn ones") {
  const auto own = [](Bytes& bytes, const auto& append, std::size_t size) {
    Bytes whole;
    samples::add(whole, append);
    bytes.insert(bytes.end(), whole.begin(),
                 whole.begin() + static_cast<long>(size));
  };
  Bytes taken;
  own(taken, encode(samples::start_of_job(1)), sizeof(csa::StartOfJob));
  own(taken, encode(samples::start_of_job(2)), sizeof(csa::StartOfJob));
  own(taken, encode(samples::end_of_job(3)), sizeof(csa::EndOfJob));
  const auto file = samples::read_groups(taken);
  CHECK(file.groups.size() == 3);
  CHECK(file.damages.empty());
  // Nothing but a mark tells of it here: it may have been torn.
  Bytes alone;
  own(alone, encode(samples::start_of_job(1)), sizeof(csa::StartOfJob));
  CHECK(samples::read_groups(alone).damages.size() == 1);
  // csarecy's boot bears no mark: so no other one means anything.
  csa::Configuration boot = {};
  boot.head = csa::make_head(csa::RecordType::kConfiguration, sizeof boot);
  const auto* const bytes = reinterpret_cast<const std::byte*>(&boot);
  alone.insert(alone.begin(), bytes, bytes + sizeof boot);
  CHECK(samples::read_groups(alone).groups.size() == 2);
  CHECK(samples::read_groups(alone).damages.empty());
}

TEST_CASE("a file larger than the reader's buffer is read whole") {
  const Bytes one = samples::golden("pacct1");
  Bytes many;
  for (int i = 0; i < 20; ++i)
    many.insert(many.end(), one.begin(), one.end());
  const auto file = samples::read_groups(many);
  CHECK(file.groups.size() == 187 * 20);
  CHECK(file.damages.empty());
}

TEST_CASE("a file of the other byte order reads the same") {
  // Made of a start of a job, whose fields are turned by hand.
  csa::StartOfJob start = {};
  start.head = csa::make_head(csa::RecordType::kStartOfJob, sizeof start);
  start.type = 1;
  start.uid = 1000;
  start.jid = 0xab001f00000042;
  start.btime = 1795303530;
  csa::StartOfJob turned = start;
  const auto turn = [](auto& value) {
    auto* const bytes = reinterpret_cast<std::byte*>(&value);
    std::reverse(bytes, bytes + sizeof value);
  };
  turned.head.magic = csa::kForeignMagic;
  turn(turned.head.revision);
  turn(turned.head.size);
  turn(turned.uid);
  turn(turned.jid);
  turn(turned.btime);
  RecordBytes record;
  detail::put(record, turned);
  const ParseResult result = parse_group(record.view(), true);
  REQUIRE(result.verdict == ParseVerdict::kGroup);
  CHECK(result.group.is_foreign);
  REQUIRE(result.group.start);
  CHECK(result.group.start->uid == 1000);
  CHECK(result.group.start->jid == 0xab001f00000042);
  CHECK(result.group.start->btime == 1795303530);
}
