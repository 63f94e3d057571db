// SPDX-License-Identifier: Apache-2.0
// What is printed of records: every value in its unit, absent as '-' or no key,
// damage on the error stream with its bytes.
#include "accounting/records_text.h"

#include <sys/stat.h>

#include <algorithm>
#include <sstream>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "accounting/append.h"
#include "accounting/csa_file.h"
#include "record_samples.h"

namespace {

using namespace accounting;
using Json = nlohmann::json;
using samples::Bytes;

RecordView view_of_bytes(const RecordBytes& record) {
  const ParseResult result = parse_group(record.view(), true);
  REQUIRE(result.verdict == ParseVerdict::kGroup);
  return view_of(result.group);
}

Json json_of(const RecordBytes& record) {
  return Json::parse(to_json(view_of_bytes(record)));
}

struct Printed {
  int code = 0;
  std::string out;
  std::string errors;
};

Printed print(const Bytes& bytes, RecordsFormat format) {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  samples::write_file(path, bytes);
  std::ostringstream out;
  std::ostringstream errors;
  Printed printed;
  printed.code =
      print_records(*open_for_reading(path.c_str()), path, format, out, errors);
  printed.out = out.str();
  printed.errors = errors.str();
  const std::size_t at = printed.errors.find(path);
  if (at != std::string::npos) printed.errors.replace(at, path.size(), "FILE");
  return printed;
}

}  // namespace

TEST_CASE("a process as JSON has what was counted") {
  const Json json = json_of(encode(samples::process_end(4)));
  CHECK(json["kind"] == "process");
  CHECK(json["key"] == 4);
  CHECK(json["jid"] == "0x8000000100000004");
  CHECK(json["uid"] == 1000);
  CHECK(json["gid"] == 1001);
  CHECK(json["pid"] == 101);
  CHECK(json["ppid"] == 100);
  CHECK(json["name"] == "cc1plus");
  CHECK(json["wall_us"] == 2500000);
  CHECK(json["user_us"] == 1500000);
  CHECK(json["system_us"] == 250000);
  CHECK(json["peak_resident_bytes"] == 20480 * 1024);
  CHECK(json["minor_faults"] == 17);
  CHECK(json["read_bytes"] == 21);
  CHECK(json["write_calls"] == 24);
  CHECK(json["storage_read_bytes"] == 25);
  CHECK(json["voluntary_switches"] == 19);
  CHECK(json["exit_code"] == 42);
  CHECK(json["includes_children"] == true);
  CHECK_FALSE(json.contains("signal"));
}

TEST_CASE("what was not collected has no key, and zero has one") {
  auto end = samples::process_end(4);
  end.record.present = static_cast<std::uint32_t>(core::Counters::kUsage);
  end.record.utime_us = 0;
  const Json json = json_of(encode(end));
  CHECK(json["user_us"] == 0);
  for (const char* key :
       {"uid", "gid", "ppid", "name", "started_us", "wall_us", "read_bytes",
        "storage_read_bytes", "exit_code", "signal", "superuser"})
    CHECK_FALSE(json.contains(key));
}

TEST_CASE("an end as JSON has result, totals and what was not seen") {
  Json json = json_of(encode(samples::end_of_job(5)));
  CHECK(json["kind"] == "end");
  CHECK(json["result"] == "over-limit");
  CHECK(json["limit"]["kind"] == "wall time");
  CHECK(json["limit"]["bound"] == 2000000);
  CHECK(json["signal"] == "SIGTERM");
  CHECK(json["wall_us"] == 3000000);
  CHECK(json["system_us"] == 0);
  CHECK(json["memory_peak_bytes"] == 33 << 20);
  CHECK(json["processes_seen"] == 38);
  CHECK(json["processes_not_seen"] == 37);
  CHECK(json["engine"] == "cgroup2");
  auto unknown = samples::end_of_job(5);
  unknown.totals = {};
  json = json_of(encode(unknown));
  for (const char* key : {"user_us", "system_us", "memory_peak_bytes",
                          "storage_read_bytes", "processes_not_seen"})
    CHECK_FALSE(json.contains(key));
}

TEST_CASE("as text what is absent is '-' or 'unknown', never 0") {
  auto end = samples::end_of_job(5);
  end.totals = {};
  const std::string line = to_text(view_of_bytes(encode(end)));
  CHECK(line.find("unknown not seen") != std::string::npos);
  CHECK(line.find(" 0 ") == std::string::npos);
  CHECK(line.find("over-limit: passed its limit of wall time") !=
        std::string::npos);
  auto process = samples::process_end(6);
  process.record.present = 0;
  const std::string absent = to_text(view_of_bytes(encode(process)));
  CHECK(absent.find("0.000") == std::string::npos);
  CHECK(absent.find(" 0 B") == std::string::npos);
}

TEST_CASE("times that include children are marked") {
  const std::string line =
      to_text(view_of_bytes(encode(samples::process_end(4))));
  CHECK(line.find("1.500+") != std::string::npos);
  auto own = samples::process_end(4);
  own.inclusive = false;
  CHECK(to_text(view_of_bytes(encode(own))).find('+') == std::string::npos);
}

TEST_CASE("a name cannot move the cursor") {
  auto start = samples::start_of_job(1);
  start.name = "a\x1b[2Jb";
  const std::string line = to_text(view_of_bytes(encode(start)));
  CHECK(line.find('\x1b') == std::string::npos);
  CHECK(line.find("a\\x1b[2Jb") != std::string::npos);
}

TEST_CASE("a file is printed whole, heading first") {
  const Printed text = print(samples::golden("pacct1"), RecordsFormat::kText);
  CHECK(text.code == 0);
  CHECK(text.errors.empty());
  CHECK(std::count(text.out.begin(), text.out.end(), '\n') == 188);
  CHECK(text.out.starts_with(records_heading()));
  const Printed json = print(samples::golden("pacct1"), RecordsFormat::kJson);
  std::istringstream lines(json.out);
  std::string line;
  int count = 0;
  while (std::getline(lines, line)) {
    CHECK(Json::parse(line).contains("kind"));
    ++count;
  }
  CHECK(count == 187);
}

TEST_CASE("damage is told with its bytes, and the rest is printed") {
  Bytes bytes = samples::golden("pacct1");
  bytes[19256] = std::byte{255};
  const Printed printed = print(bytes, RecordsFormat::kText);
  CHECK(printed.code == 1);
  CHECK(printed.errors ==
        "corral: 'FILE': bytes 19256 to 19631 skipped: no record begins here "
        "(bad magic)\n");
  CHECK(std::count(printed.out.begin(), printed.out.end(), '\n') == 187);
}

TEST_CASE("only a regular file is read, and a FIFO does not block") {
  const samples::Directory directory;
  const std::string fifo = directory.file("fifo");
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK(open_for_reading(fifo.c_str()).error().code == kNotRegular);
  CHECK(open_for_reading("/dev/zero").error().code == kNotRegular);
  CHECK(open_for_reading("/").error().code == kNotRegular);
  CHECK(open_for_reading("/nonexistent/pacct").error().code == ENOENT);
}
