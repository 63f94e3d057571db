// SPDX-License-Identifier: Apache-2.0
// Journals of versions before this one's, counts in them that lie, and the
// counters of an instance.
#include <cerrno>

#include <doctest/doctest.h>

#include "core/event_codec.h"

using Bytes = std::vector<std::byte>;
using core::JobEvent;

namespace {

/// Of a job named "old", by this version.
Bytes created_bytes() {
  core::JobSpec spec;
  spec.name = "old";
  Bytes bytes;
  core::encode(JobEvent{core::JobId(1),
                        {},
                        core::event::Created{spec, core::Uid(7),
                                             core::Engine::kCgroup2}},
               bytes);
  return bytes;
}

void check_old(const Bytes& bytes) {
  const auto item = core::decode(bytes);
  REQUIRE(item);
  const auto created =
      std::get<core::event::Created>(std::get<JobEvent>(*item).body);
  CHECK(created.owner == core::Uid(7));
  CHECK(created.spec.name == "old");
  CHECK(created.spec.parent == core::kNoJob);
  CHECK(created.spec.terms.empty());
  CHECK(created.spec.array.is_empty());
  CHECK(created.spec.member.array == core::kNoJob);
  CHECK(created.spec.project.empty());
  CHECK(created.spec.project_id == 0);
  CHECK(!created.spec.delegates);
  CHECK(!created.spec.began);
}

}  // namespace

TEST_CASE("what a journal of version 2 lacks has its default") {
  Bytes bytes = created_bytes();
  bytes[0] = std::byte{2};
  CHECK(!core::decode(bytes));
  // Before owner and engine: parent, domain, service, terms of limits, array,
  // member, tags, the jid that was asked for, project, account, its number,
  // whether its cgroup is its user's, when it began.
  bytes.erase(bytes.end() - 75, bytes.end() - 5);
  check_old(bytes);
}

TEST_CASE("what a journal of version 3 lacks has its default") {
  Bytes bytes = created_bytes();
  bytes[0] = std::byte{3};
  CHECK(!core::decode(bytes));
  bytes.erase(bytes.end() - 59, bytes.end() - 5);
  check_old(bytes);
}

TEST_CASE("what a journal of version 4 lacks has its default") {
  Bytes bytes = created_bytes();
  bytes[0] = std::byte{4};
  CHECK(!core::decode(bytes));
  bytes.erase(bytes.end() - 59, bytes.end() - 5);
  check_old(bytes);
}

TEST_CASE("what a journal of version 5 lacks has its default") {
  Bytes bytes = created_bytes();
  bytes[0] = std::byte{5};
  CHECK(!core::decode(bytes));
  bytes.erase(bytes.end() - 55, bytes.end() - 5);
  check_old(bytes);
}

TEST_CASE("what a journal of version 6 lacks has its default") {
  Bytes bytes = created_bytes();
  bytes[0] = std::byte{6};
  CHECK(!core::decode(bytes));
  bytes.erase(bytes.end() - 23, bytes.end() - 5);
  check_old(bytes);
}

TEST_CASE("what a journal of version 8 lacks has its default") {
  Bytes bytes = created_bytes();
  bytes[0] = std::byte{8};
  CHECK(!core::decode(bytes));
  bytes.erase(bytes.end() - 7, bytes.end() - 5);
  check_old(bytes);
}

TEST_CASE("what a journal of version 9 lacks has its default") {
  Bytes bytes = created_bytes();
  bytes[0] = std::byte{9};
  CHECK(!core::decode(bytes));
  bytes.erase(bytes.end() - 6, bytes.end() - 5);
  check_old(bytes);
}

TEST_CASE("what a journal of version 10 lacks has its default") {
  Bytes bytes;
  core::encode(JobEvent{core::JobId(1),
                        {},
                        core::event::CpuRead{.used = core::Microseconds(5),
                                             .processors = 2,
                                             .is_still = true}},
               bytes);
  const auto read = [&bytes] {
    const auto item = core::decode(bytes);
    REQUIRE(item);
    return std::get<core::event::CpuRead>(std::get<JobEvent>(*item).body);
  };
  CHECK(read().is_still);
  bytes[0] = std::byte{10};
  CHECK(!core::decode(bytes));
  bytes.pop_back();
  CHECK(read().processors == 2);
  CHECK(!read().is_still);
}

TEST_CASE("a signal comes back, and that of version 6 to no process group") {
  Bytes bytes;
  core::encode(JobEvent{core::JobId(1),
                        {},
                        core::event::Signalled{
                            core::Uid(7), core::SignalNumber(10),
                            core::SignalTarget::kMain, core::Pid(99)}},
               bytes);
  const auto now = core::decode(bytes);
  REQUIRE(now);
  const auto back =
      std::get<core::event::Signalled>(std::get<JobEvent>(*now).body);
  CHECK(back.by == core::Uid(7));
  CHECK(back.signal == core::SignalNumber(10));
  CHECK(back.target == core::SignalTarget::kMain);
  CHECK(back.group == core::Pid(99));
  bytes[0] = std::byte{6};
  CHECK(!core::decode(bytes));
  bytes.erase(bytes.end() - 4, bytes.end());
  const auto item = core::decode(bytes);
  REQUIRE(item);
  const auto sent =
      std::get<core::event::Signalled>(std::get<JobEvent>(*item).body);
  CHECK(sent.target == core::SignalTarget::kMain);
  CHECK(sent.group == core::Pid());
}

TEST_CASE("the counters come back as they went") {
  Bytes bytes;
  core::encode(core::InstanceCounters{0x80000001U, 42, 1ULL << 40, 7}, bytes);
  const auto item = core::decode(bytes);
  REQUIRE(item);
  const auto& back = std::get<core::InstanceCounters>(*item);
  CHECK(back.hid == 0x80000001U);
  CHECK(back.last_sequence == 42);
  CHECK(back.last_order == 1ULL << 40);
  CHECK(back.last_exit == 7);
}

TEST_CASE("a count that lies costs no memory") {
  Bytes bytes = created_bytes();
  // After the head and the name "old": the number of arguments.
  for (std::size_t i = 27 + 7; i < 27 + 11; ++i)
    bytes[i] = std::byte{0xFF};
  CHECK(!core::decode(bytes));
}

TEST_CASE("an unknown version is refused with both versions named") {
  Bytes bytes = created_bytes();
  bytes[0] = std::byte{12};
  const auto item = core::decode(bytes);
  REQUIRE(!item);
  CHECK(item.error().code == EPROTONOSUPPORT);
  CHECK(item.error().subject.view() ==
        "version 12; this program knows 2 to 11");
}
