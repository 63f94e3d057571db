// SPDX-License-Identifier: Apache-2.0
// What subscribers are told: whole lines of JSON, whatever a job is called.
#include <string>

#include <doctest/doctest.h>

#include "core/job_news.h"

namespace {

using namespace core;

Job running_job() {
  Job job;
  job.jid = JobId(0x8000000100000005);
  job.spec.name = "web";
  job.spec.kind = JobKind::kDetached;
  job.owner = Uid(1000);
  job.engine = Engine::kCgroup2;
  job.state = JobState::kRunning;
  job.main = Pid(42);
  return job;
}

}  // namespace

TEST_CASE("a new job, a change, a limit and an end") {
  Job job = running_job();
  CHECK(news_line(NewsKind::kNew, 7, RealTime(12), job) ==
        R"({"event":"new","number":7,"time_us":12,"jid":"0x8000000100000005",)"
        R"("name":"web","owner":1000,"state":"running",)"
        R"("freezer_state":"running","main_pid":42,"kind":"detached",)"
        R"("engine":"cgroup2"})"
        "\n");
  job.spec.name.clear();
  job.main_has_ended = true;
  job.freezing = Freezing::kFrozen;
  CHECK(news_line(NewsKind::kChanged, 8, RealTime(13), job) ==
        R"({"event":"changed","number":8,"time_us":13,)"
        R"("jid":"0x8000000100000005","name":null,"owner":1000,)"
        R"("state":"running","freezer_state":"frozen","main_pid":null})"
        "\n");
  job.limit_hit = {.kind = LimitKind::kMemory, .value = 9, .bound = 8};
  const auto limit = news_line(NewsKind::kLimit, 9, RealTime(14), job);
  job.limit_hit->kind = LimitKind::kWallTime;
  const auto wall = news_line(NewsKind::kLimit, 9, RealTime(14), job);
  CHECK(wall.view().find(R"("limit":{"kind":"wall time","word":"wall",)") !=
        std::string_view::npos);
  CHECK(std::string(limit.view())
            .ends_with(R"("limit":{"kind":"memory","word":"memory",)"
                       R"("value":9,"bound":8}})"
                       "\n"));
  job.state = JobState::kEnded;
  job.result.reason = Reason::kExited;
  job.result.has_status = true;
  job.result.wait_status = 3 << 8;
  const std::string ended(
      news_line(NewsKind::kEnded, 10, RealTime(15), job).view());
  CHECK(ended.find(R"("state":"ended")") != std::string::npos);
  CHECK(ended.find(R"("result":"exited")") != std::string::npos);
  CHECK(ended.ends_with("\"shell_code\":3}\n"));
}

TEST_CASE("a line is one line, and fits, whatever a job is called") {
  Job job = running_job();
  job.spec.name = std::string(64, '\n');
  job.state = JobState::kEnded;
  job.result.reason = Reason::kLaunchFailed;
  job.result.detail = std::string_view(std::string(500, '"'));
  const auto line = news_line(NewsKind::kEnded, UINT64_MAX, RealTime(1), job);
  CHECK_FALSE(line.was_cut());
  CHECK(line.view().find('\n') == line.size() - 1);
}

TEST_CASE("the lines that are of no job") {
  CHECK(begin_line(4) == "{\"event\":\"begin\",\"format\":1,\"number\":4}\n");
  CHECK(lost_line(12) == "{\"event\":\"lost\",\"count\":12}\n");
}

TEST_CASE("the words of classes are read as they are written") {
  for (unsigned i = 0; i < kNewsClasses; ++i) {
    const auto of = static_cast<NewsClass>(i);
    CHECK(parse_news_class(name_of(of)) == of);
  }
  CHECK_FALSE(parse_news_class("process"));
  CHECK(class_of(NewsKind::kLimit) == NewsClass::kLimit);
  CHECK(class_of(NewsKind::kEnded) == NewsClass::kJob);
}
