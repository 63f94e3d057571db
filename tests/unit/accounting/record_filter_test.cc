// SPDX-License-Identifier: Apache-2.0
// Kinds of records that are off, and thresholds: what is left of an append is
// whole, and says that the rest was not collected; and what is on stays on.
#include "accounting/record_filter.h"

#include <cstring>
#include <string>

#include <doctest/doctest.h>

#include "accounting/kernel_encode.h"
#include "accounting/record_view.h"
#include "accounting/switch_file.h"
#include "record_samples.h"

namespace {

using namespace accounting;
using core::AccountKind;
using core::bit_of;
using core::RecordSwitches;

/// A process with every record that can be linked to it.
RecordBytes whole_process() {
  corral_exit exit = {};
  exit.jid = 5;
  exit.has = CORRAL_HAS_IO | CORRAL_HAS_INTEGRALS | CORRAL_HAS_VM_PEAK |
             CORRAL_HAS_CPU_DELAY | CORRAL_HAS_BLOCK_DELAY;
  exit.start_boot_ns = 1000000000;
  exit.end_boot_ns = 2000000000;
  exit.used.runtime_ns = 300000000;  // 0.3 s
  exit.used.utime_ns = 300000000;
  exit.sums.rchar = 21;
  exit.sums.read_bytes = 22;
  exit.sums.cpu_count = 23;
  exit.vm_peak_pages = 250;  // 1000 KiB
  exit.pid = 77;
  exit.project_id = 99;
  std::memcpy(exit.comm, "cc1plus", 7);
  return encode(RecordKey{.instance = samples::kInstance, .key = 1}, exit,
                {.page_size = 4096, .booted_us = 1795303530000000});
}

RecordSwitches without(std::initializer_list<AccountKind> kinds) {
  RecordSwitches switches;
  for (const AccountKind kind : kinds)
    switches = core::turned_off(switches, bit_of(kind));
  return switches;
}

RecordSwitches above(AccountKind kind, std::uint64_t threshold) {
  RecordSwitches more = {.kinds = bit_of(kind)};
  more.memory_kib = threshold;
  more.time_us = threshold;
  return core::turned_on({}, more);
}

Group group_of(std::span<const std::byte> bytes) {
  const ParseResult result = parse_group(bytes, true);
  REQUIRE(result.verdict == ParseVerdict::kGroup);
  CHECK(result.group.is_sound);
  CHECK(!result.group.is_torn);
  CHECK(result.group.size == bytes.size());
  return result.group;
}

}  // namespace

TEST_CASE("what is on passes as it is") {
  const RecordBytes process = whole_process();
  RecordBytes scratch;
  CHECK(filter_append({}, process.view(), scratch).data() == process.data);
  const RecordBytes start = encode(samples::start_of_job(2));
  CHECK(filter_append({}, start.view(), scratch).data() == start.data);
  const samples::Bytes other(100, std::byte{7});
  CHECK(filter_append({.kinds = 0}, other, scratch).size() == other.size());
}

TEST_CASE("each part of a process's record is left out by itself") {
  struct Row {
    AccountKind off;
    bool memory, io, delay;
  };
  constexpr Row kRows[] = {
      {AccountKind::kMemory, false, true, true},
      {AccountKind::kIo, true, false, true},
      {AccountKind::kDelay, true, true, false},
  };
  for (const Row& row : kRows) {
    RecordBytes scratch;
    const RecordBytes process = whole_process();
    const auto left =
        filter_append(without({row.off}), process.view(), scratch);
    const Group group = group_of(left);
    CHECK(group.memory.has_value() == row.memory);
    CHECK(group.io.has_value() == row.io);
    CHECK(group.delay.has_value() == row.delay);
    REQUIRE(group.process);
    CHECK(group.process->second.size == left.size() - 136 - 208);
    CHECK(group.process->prid == 99);
    const RecordView view = view_of(group);
    CHECK(view.virtual_bytes.has_value() == row.memory);
    CHECK(view.memory_bytes.has_value() == row.memory);
    CHECK(view.read_bytes.has_value() == row.io);
    CHECK(view.storage_read_bytes.has_value() == row.io);
    CHECK(view.processor_waits.has_value() == row.delay);
    CHECK(view.user_us == 300000U);
  }
}

TEST_CASE("a process without anything linked is one record") {
  RecordBytes scratch;
  const RecordBytes process = whole_process();
  const auto left = filter_append(
      without({AccountKind::kMemory, AccountKind::kIo, AccountKind::kDelay}),
      process.view(), scratch);
  CHECK(left.size() == 136 + 208);
  const Group group = group_of(left);
  CHECK((group.process->head.flag & csa::kMoreFollow) == 0);
  CHECK(group.process->second.type ==
        static_cast<std::uint8_t>(csa::RecordType::kCsa));
}

TEST_CASE(
    "thresholds leave out who is below, and nobody who was not measured") {
  RecordBytes scratch;
  const RecordBytes process = whole_process();  // 1000 KiB, 0.3 s
  const auto is_left = [&](const RecordSwitches& switches,
                           const RecordBytes& bytes) {
    return !filter_append(switches, bytes.view(), scratch).empty();
  };
  CHECK(is_left(above(AccountKind::kMemoryThreshold, 1000), process));
  CHECK(!is_left(above(AccountKind::kMemoryThreshold, 1001), process));
  CHECK(is_left(above(AccountKind::kTimeThreshold, 300000), process));
  CHECK(!is_left(above(AccountKind::kTimeThreshold, 300001), process));
  // Who reaps does not know the most address space.
  const RecordBytes reaped = encode(samples::process_end(1));
  CHECK(is_left(above(AccountKind::kMemoryThreshold, 1U << 30U), reaped));
  // A memory record that is off is still compared.
  RecordSwitches bare = above(AccountKind::kMemoryThreshold, 1001);
  bare.kinds &= ~bit_of(AccountKind::kMemory);
  CHECK(!is_left(bare, process));
}

TEST_CASE("processes and jobs are turned off apart, and all with nothing on") {
  RecordBytes scratch;
  const RecordBytes process = whole_process();
  const RecordBytes start = encode(samples::start_of_job(3));
  const auto is_left = [&](const RecordSwitches& switches,
                           const RecordBytes& bytes) {
    return !filter_append(switches, bytes.view(), scratch).empty();
  };
  const RecordSwitches no_jobs = without({AccountKind::kJob});
  CHECK(is_left(no_jobs, process));
  CHECK(!is_left(no_jobs, start));
  RecordSwitches daemons = {.kinds = bit_of(AccountKind::kWorkload)};
  daemons.kinds |= bit_of(AccountKind::kJob);
  CHECK(!is_left(daemons, process));
  CHECK(is_left(daemons, start));
  CHECK(!is_left(without({AccountKind::kCsa}), start));
}

TEST_CASE("what hangs on csa comes and goes with it") {
  const RecordSwitches none = core::turned_off({}, bit_of(AccountKind::kCsa));
  CHECK(none.kinds == bit_of(AccountKind::kJob));
  CHECK(!none.is_writing());
  const RecordSwitches io =
      core::turned_on(none, {.kinds = bit_of(AccountKind::kIo)});
  CHECK(io.has(AccountKind::kCsa));
  CHECK(!io.has(AccountKind::kMemory));
  RecordSwitches time = above(AccountKind::kTimeThreshold, 5);
  time = core::turned_off(time, bit_of(AccountKind::kTimeThreshold));
  CHECK(time == RecordSwitches{});
}

TEST_CASE("what is on outlives everything, in a file") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  CHECK(!load_switches(path));
  RecordSwitches switches = above(AccountKind::kTimeThreshold, 2500000);
  switches.memory_kib = 0;
  switches.kinds |= bit_of(AccountKind::kTape);
  REQUIRE(save_switches(path, switches));
  CHECK(load_switches(path) == switches);
  const std::string lines = lines_of(switches);
  CHECK(switches_of(lines) == switches);
  CHECK(!switches_of(lines.substr(0, lines.size() - 3)));  // it was cut off
  CHECK(!switches_of("csa\n"));
  CHECK(!switches_of("corral-accounting 1\ntime\n"));
  CHECK(switches_of("corral-accounting 1\nlater\n") ==
        RecordSwitches{.kinds = 0});
}
