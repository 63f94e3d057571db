// SPDX-License-Identifier: Apache-2.0
// corral top: rates from two looks, orders, bars, and a screen that fits.
#include <string>

#include <doctest/doctest.h>

#include "cli/event_text.h"
#include "cli/top_rows.h"
#include "cli/top_screen.h"

namespace {

using cli::TopOrder;
using cli::TopRow;
using cli::TopSample;
using cli::TopSamples;

TopSample sample(std::uint32_t sequence, std::uint64_t read_s) {
  TopSample sample;
  sample.job.jid = core::make_job_id(0, sequence);
  sample.job.state = core::JobState::kRunning;
  sample.job.started.boot = core::BootTime(10'000'000);
  sample.usage.jid = sample.job.jid;
  sample.usage.read = core::BootTime(read_s * 1'000'000);
  return sample;
}
void set_cpu(TopSample& of, std::uint64_t user_ms, std::uint64_t system_ms) {
  of.usage.totals.user_time = core::milliseconds(user_ms);
  of.usage.totals.system_time = core::milliseconds(system_ms);
}
TopSamples samples(std::initializer_list<TopSample> list) {
  TopSamples samples;
  for (const TopSample& one : list)
    samples.emplace(one.job.jid, one);
  return samples;
}

TEST_CASE("percentages are since the look before, or since the start") {
  TopSample before = sample(1, 20);
  set_cpu(before, 3000, 1000);
  TopSample now = sample(1, 22);
  set_cpu(now, 4000, 3000);
  auto rows = cli::top_rows(samples({before}), samples({now}));
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].cpu_permille == 1500U);  // 3 s in 2 s
  CHECK(rows[0].cpu_time == core::seconds(7));
  rows = cli::top_rows({}, samples({now}));
  CHECK(rows[0].cpu_permille == 583U);  // 7 s in 12 s
  set_cpu(now, 1000, 0);                // a sum that lost a process
  CHECK(cli::top_rows(samples({before}), samples({now}))[0].cpu_permille == 0U);
}

TEST_CASE("what nobody collected is absent, down to the screen") {
  const auto rows = cli::top_rows({}, samples({sample(1, 22)}));
  CHECK_FALSE(rows[0].cpu_permille.has_value());
  CHECK_FALSE(rows[0].memory.has_value());
  CHECK_FALSE(rows[0].io_rate.has_value());
  const std::string table = cli::top_table(rows, {});
  CHECK(table.find(" 0") == std::string::npos);
  const std::string json = cli::rows_json(rows, core::RealTime(5));
  CHECK(json.find("\"cpu_percent\":null") != std::string::npos);
  CHECK(json.find("\"memory_bytes\":null") != std::string::npos);
  CHECK(json.starts_with("{\"time_us\":5,\"jobs\":[{"));
}

TEST_CASE("a sum of processes is marked") {
  TopSample of = sample(1, 22);
  of.usage.memory = core::Bytes(3 << 20);
  of.is_sum = true;
  const auto rows = cli::top_rows({}, samples({of}));
  CHECK(cli::top_table(rows, {}).find("~3.0M") != std::string::npos);
}

TEST_CASE("orders: largest first, absent last, reversed") {
  TopSample busy = sample(1, 20);
  set_cpu(busy, 900, 0);
  busy.job.name = "b";
  TopSample calm = sample(2, 20);
  set_cpu(calm, 100, 0);
  calm.usage.processes = 9;
  calm.job.name = "a";
  const TopSample unknown = sample(3, 20);
  auto rows = cli::top_rows({}, samples({calm, unknown, busy}));
  const auto order = [&rows] {
    std::string text;
    for (const TopRow& row : rows)
      text += std::to_string(core::sequence_of(row.job.jid));
    return text;
  };
  cli::sort_rows(rows, TopOrder::kCpu, false);
  CHECK(order() == "123");
  cli::sort_rows(rows, TopOrder::kCpu, true);
  CHECK(order() == "213");
  cli::sort_rows(rows, TopOrder::kProcesses, false);
  CHECK(order() == "213");
  cli::sort_rows(rows, TopOrder::kName, false);
  CHECK(order() == "213");
  cli::sort_rows(rows, TopOrder::kAge, false);
  CHECK(order() == "123");
}

TEST_CASE("by what is read and written: the fastest first, absent last") {
  const auto with_io = [](TopSample of, std::uint64_t read,
                          std::uint64_t written) {
    of.usage.totals.read_bytes = core::Bytes(read);
    of.usage.totals.write_bytes = core::Bytes(written);
    return of;
  };
  // Who did the most altogether does the least now; and the least processor
  // time is that of who does the most.
  TopSample writer = sample(2, 22);
  set_cpu(writer, 1, 0);
  TopSample reader = sample(3, 22);
  set_cpu(reader, 900, 0);
  const TopSample unknown = sample(1, 22);
  const auto before = samples({with_io(sample(2, 20), 1000, 0),
                               with_io(sample(3, 20), 700'000, 0), unknown});
  auto rows =
      cli::top_rows(before, samples({with_io(reader, 700'500, 100),
                                     with_io(writer, 1000, 4000), unknown}));
  const auto order = [&rows] {
    std::string text;
    for (const TopRow& row : rows)
      text += std::to_string(core::sequence_of(row.job.jid));
    return text;
  };
  cli::sort_rows(rows, TopOrder::kIo, false);
  CHECK(order() == "231");
  CHECK(rows[0].io_rate == 2000U);
  CHECK(rows[1].io_rate == 300U);
  CHECK_FALSE(rows[2].io_rate.has_value());
  cli::sort_rows(rows, TopOrder::kIo, true);
  CHECK(order() == "321");
}

TEST_CASE("the tightest limit has the bar") {
  TopSample of = sample(1, 20);
  set_cpu(of, 4000, 0);
  of.usage.memory = core::Bytes(30 << 20);
  of.job.limits.cpu_time = core::seconds(10);
  of.job.limits.memory = core::Bytes(100 << 20);
  of.job.limits.open_files = 64;  // nobody counts them
  const auto rows = cli::top_rows({}, samples({of}));
  REQUIRE(cli::tightest(rows[0]) != nullptr);
  CHECK(cli::tightest(rows[0])->kind == core::LimitKind::kCpuTime);
  CHECK(cli::percent_of(*cli::tightest(rows[0])) == 40U);
  CHECK(cli::top_table(rows, {}).find("cpu  ###----- 40%") !=
        std::string::npos);
  CHECK(cli::bar(0, 4) == "---- 0%");
  CHECK(cli::bar(100, 4) == "#### 100%");
  CHECK(cli::percent_of(
            {.kind = core::LimitKind::kMemory, .bound = 5, .used = 50}) ==
        100U);
}

TEST_CASE("the screen fits, and the selected job is in sight") {
  TopSamples many;
  for (std::uint32_t i = 1; i <= 50; ++i) {
    TopSample of = sample(i, 20);
    set_cpu(of, 5000 - i, 0);
    of.job.argv = {"a program with a long name", std::string(200, 'x'),
                   "\x1B[2J"};
    of.job.limits.wall_time = core::seconds(20);
    many.emplace(of.job.jid, of);
  }
  auto rows = cli::top_rows({}, many);
  cli::sort_rows(rows, TopOrder::kCpu, false);
  for (const std::size_t height : {1U, 2U, 5U, 24U, 100U}) {
    cli::TopChoice choice;
    choice.selected = core::make_job_id(0, 40);
    const auto lines = cli::top_screen(rows, {.width = 80}, height, choice);
    CHECK(lines.size() == height);
    std::string all;
    for (const std::string& line : lines) {
      CHECK(cli::columns_of(line) <= 80 + 8);  // the selected one's codes
      all += line + "\n";
    }
    CHECK(all.find("\x1B[2J") == std::string::npos);
    if (height >= 5) CHECK(all.find("\x1B[7m0x28") != std::string::npos);
    if (height >= 5)
      CHECK(all.find("wall ####---- 50% 10s/20s") != std::string::npos);
  }
}

TEST_CASE("events for people") {
  const auto line = [](const char* json) {
    const auto event = cli::read_event(json);
    return event ? event->text.substr(event->text.find(' ') + 1) : "none";
  };
  CHECK(line(R"({"event":"new","number":1,"time_us":5,"jid":"0x5",)"
             R"("name":"web","owner":0,"kind":"detached"})") ==
        "0x5 'web' root new, detached");
  CHECK(line(R"({"event":"limit","jid":"0x5","name":null,"owner":0,)"
             R"("limit":{"kind":"memory","value":2048,"bound":1024}})") ==
        "0x5 root passed its limit of memory of 1.0K with 2.0K");
  CHECK(line(R"({"event":"changed","jid":"0x5","owner":0,)"
             R"("state":"running","freezer_state":"frozen","main_pid":7})") ==
        "0x5 root running, frozen, main process 7");
  CHECK(cli::read_event(R"({"event":"lost","count":3})")->text ==
        "3 events were not told: this reader was too slow");
  CHECK(cli::read_event(R"({"event":"begin"})")->text.empty());
  CHECK_FALSE(cli::read_event("[1]").has_value());
  CHECK_FALSE(cli::read_event("{\"event\":").has_value());
  // Numbers where texts belong, and the other way round.
  CHECK(cli::read_event(R"({"event":1,"jid":2,"owner":"x"})").has_value());
}

TEST_CASE("an end that was missed is told as it would have been") {
  core::JobView job;
  job.jid = core::JobId(5);
  job.state = core::JobState::kEnded;
  job.result.reason = core::Reason::kExited;
  job.result.has_status = true;
  const auto event = cli::read_event(cli::ended_line(job));
  REQUIRE(event);
  CHECK(event->event == "ended");
  CHECK(event->jid == core::JobId(5));
}

}  // namespace
