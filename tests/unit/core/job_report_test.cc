// SPDX-License-Identifier: Apache-2.0
// The report for people, word by word, with everything known and with nothing.
#include "core/job_report.h"

#include <string>

#include <doctest/doctest.h>

#include "core/job_report_json.h"

namespace {

using namespace core;

JobReport full_report() {
  JobReport report;
  report.jid = JobId(0x8000000100000017ULL);
  report.name = "build";
  report.result.reason = Reason::kExited;
  report.result.has_status = true;
  report.wall_time = Microseconds(12345678);
  report.totals.user_time = Microseconds(20000000);
  report.totals.system_time = Microseconds(1500000);
  report.totals.memory_peak = Bytes(1610612736);
  report.totals.read_bytes = Bytes(0);
  report.totals.write_bytes = Bytes(5 << 20);
  report.totals.processes_not_seen = 0;
  report.processes_seen = 40;
  report.stragglers = 2;
  report.straggler_names = "sleep, daemon";
  return report;
}

std::string text_of(const JobReport& report) {
  return std::string(render(report).view());
}

}  // namespace

TEST_CASE("a report of a job of which all is known") {
  CHECK(text_of(full_report()) ==
        "corral: job 0x8000000100000017 'build'\n"
        "  result      exited: exited with code 0\n"
        "  wall time   12.345 s\n"
        "  cpu time    21.500 s (user 20.000 s, system 1.500 s)\n"
        "  peak memory 1.5 GiB, whole job\n"
        "  I/O         storage read 0 B, written 5.0 MiB\n"
        "  processes   40 seen to end, 0 not seen\n"
        "  ended at the end  2 processes left behind: sleep, daemon\n");
}

TEST_CASE("without a container the main process's own counters are shown") {
  JobReport report = full_report();
  report.totals = {};
  report.stragglers = 1;
  report.straggler_names = "sleep";
  ExitRecord record;
  record.mark(Counters::kUsage);
  record.mark(Counters::kIo);
  record.utime_us = 1000000;
  record.stime_us = 250000;
  record.maxrss_kib = 2048;
  record.rchar = 17;
  record.wchar = 2000;
  report.main = record;
  CHECK(text_of(report) ==
        "corral: job 0x8000000100000017 'build'\n"
        "  result      exited: exited with code 0\n"
        "  wall time   12.345 s\n"
        "  cpu time    1.250 s (user 1.000 s, system 0.250 s), main process "
        "and its waited-for children\n"
        "  peak memory 2.0 MiB, largest process\n"
        "  I/O         read 17 B, written 1.9 KiB, main process and its "
        "waited-for children\n"
        "  processes   40 seen to end, others unknown\n"
        "  ended at the end  1 process left behind: sleep\n");
}

TEST_CASE("what was not collected is not shown as 0") {
  JobReport report;
  report.jid = JobId(1);
  report.result.reason = Reason::kUnknown;
  CHECK(text_of(report) ==
        "corral: job 0x1\n"
        "  result      unknown: ended with an unknown status\n"
        "  wall time   it never ran\n"
        "  cpu time    not collected\n"
        "  peak memory not collected\n"
        "  I/O         not collected\n"
        "  processes   0 seen to end, others unknown\n");
  report.main = ExitRecord{};
  CHECK(text_of(report).find("not collected") != std::string::npos);
}

TEST_CASE("refused forks and a limit are told in both forms") {
  JobReport report = full_report();
  CHECK(std::string(render_json(report).view()).find("\"limit\":null") !=
        std::string::npos);
  report.forks_refused = 0;
  CHECK(text_of(report) == text_of(full_report()));
  report.forks_refused = 3;
  CHECK(text_of(report).find("  forks       3 refused by the limit of "
                             "processes\n") != std::string::npos);
  report.result.reason = Reason::kOverLimit;
  report.result.limit = {LimitKind::kMemory, 65536, 4096};
  const std::string json(render_json(report).view());
  CHECK(
      json.find(
          "\"limit\":{\"kind\":\"memory\",\"word\":\"memory\",\"value\":65536,"
          "\"bound\":4096},\"wall_us\"") != std::string::npos);
  CHECK(json.find("\"forks_refused\":3,") != std::string::npos);
  report.name.clear();
  report.straggler_names.clear();
  const std::string bare(render_json(report).view());
  CHECK(bare.find("\"name\":null,") != std::string::npos);
  CHECK(bare.find("\"straggler_names\":null}") != std::string::npos);
}

TEST_CASE("odd bytes: JSON is UTF-8, and words are escaped") {
  JobReport report = full_report();
  report.name = "a\xFF\x1B\"\xC3\xA4";
  const std::string json(render_json(report).view());
  CHECK(json.find("\"name\":\"a\xEF\xBF\xBD\\u001b\\\"\xC3\xA4\"") !=
        std::string::npos);
  report.straggler_names = "s\n";
  CHECK(text_of(report).find(" 'a\\xff\\x1b\"\xC3\xA4'\n") !=
        std::string::npos);
  CHECK(text_of(report).find("left behind: s\\x0a\n") != std::string::npos);
}

TEST_CASE("bytes in the unit that fits") {
  CHECK(detail::bytes_text(0) == "0 B");
  CHECK(detail::bytes_text(1023) == "1023 B");
  CHECK(detail::bytes_text(1024) == "1.0 KiB");
  CHECK(detail::bytes_text(1536) == "1.5 KiB");
  CHECK(detail::bytes_text(UINT64_MAX) == "16383.9 PiB");
}

TEST_CASE("the longest report fits") {
  JobReport report = full_report();
  report.name = core::Text<64>(std::string(64, 'n').c_str());
  report.straggler_names = core::Text<120>(std::string(120, 's').c_str());
  report.result = {};
  report.result.reason = Reason::kOverLimit;
  report.result.limit = {LimitKind::kWallTime, UINT64_MAX, UINT64_MAX};
  CHECK_FALSE(render(report).was_cut());
}
