// SPDX-License-Identifier: Apache-2.0
// The peaks of a job before its end, and a process's number in the cluster:
// what was told comes back, what was not is absent.
#include <doctest/doctest.h>

#include "accounting/csa_group.h"
#include "accounting/peaks_encode.h"
#include "accounting/record_view.h"
#include "record_samples.h"
#include "sys/cgroup_peaks.h"

namespace {

using namespace accounting;

RecordView view_of_bytes(const RecordBytes& bytes) {
  const ParseResult read = parse_group(bytes.view(), true);
  REQUIRE(read.verdict == ParseVerdict::kGroup);
  CHECK(read.group.is_sound);
  CHECK(read.group.size == bytes.size);
  return view_of(read.group);
}

}  // namespace

TEST_CASE("what the kernel told of a job's cgroup stands before its end") {
  EndFacts facts;
  facts.peaks.cpu_some = core::Microseconds(1);
  facts.peaks.memory_full = core::Microseconds(0);
  facts.peaks.io_some = core::Microseconds(5);
  facts.peaks.processes = 7;
  facts.collector = core::Collector::kEbpf;
  facts.sources = kFromCgroup | kFromFollowed;
  const EndOfJob end = samples::end_of_job(3);
  const RecordView view = view_of_bytes(encode(end, facts));
  CHECK(view.kind == "end");
  CHECK(view.memory_bytes == end.totals.memory_peak->raw());
  CHECK(view.cpu_some_us == 1);
  CHECK_FALSE(view.cpu_full_us);
  CHECK_FALSE(view.memory_some_us);
  CHECK(view.memory_full_us == 0);
  CHECK(view.io_some_us == 5);
  CHECK_FALSE(view.io_full_us);
  CHECK(view.processes_peak == 7);
  CHECK_FALSE(view.swap_peak_bytes);
  CHECK(view.collector == "ebpf");
  CHECK(view.totals_from == "cgroup+followed");
  facts.peaks = {};
  facts.peaks.swap = core::Bytes(4096);
  facts.sources = 0;
  const RecordView other = view_of_bytes(encode(end, facts));
  CHECK_FALSE(other.processes_peak);
  CHECK(other.swap_peak_bytes == 4096);
  CHECK(other.totals_from.empty());
  CHECK(view_of_bytes(encode(end)).collector.empty());  // a scope's
}

TEST_CASE("a process has its number in the cluster, if that was told") {
  RecordBytes bytes = encode(samples::process_end(4));
  CHECK_FALSE(view_of_bytes(bytes).gpid);
  number_process(bytes, std::uint64_t{5} << 43U | 17);
  CHECK(view_of_bytes(bytes).gpid == (std::uint64_t{5} << 43U | 17));
}

TEST_CASE("stalls are read from a file of pressure, or not at all") {
  constexpr std::string_view kText =
      "some avg10=0.12 avg60=0.00 avg300=0.00 total=9876543210\n"
      "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
  CHECK(sys::stall_in(kText, "some ") == core::Microseconds(9876543210));
  CHECK(sys::stall_in(kText, "full ") == core::Microseconds(0));
  CHECK_FALSE(sys::stall_in(kText.substr(0, 57), "full "));
  CHECK_FALSE(sys::stall_in("some avg10=0.00 total=x\n", "some "));
  CHECK_FALSE(sys::stall_in("", "some "));
}
