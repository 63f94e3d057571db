// SPDX-License-Identifier: Apache-2.0
// The lines that aggregate providers read, and the words that they say.
#include "core/provider_event.h"

#include <doctest/doctest.h>

namespace {

using core::ProviderEvent;
using core::ProviderEventKind;
using core::ProviderEvents;

ProviderEvent event_of(ProviderEventKind kind) {
  ProviderEvent event;
  event.kind = kind;
  event.when = core::RealTime(5);
  event.jid = core::JobId(0x12);
  event.pid = core::Pid(42);
  event.other = core::Pid(43);
  event.status = 3 << 8;
  event.command = "a\"b";
  return event;
}

std::string line_of(const ProviderEvent& event) {
  return std::string(core::provider_line(9, 255, event).view());
}

TEST_CASE("each kind says what belongs to it and no more") {
  const std::string head =
      R"(,"number":9,"time_us":5,"aggregate":"0xff","jid":"0x12","pid":42)";
  CHECK(line_of(event_of(ProviderEventKind::kAttach)) ==
        R"({"event":"attach")" + head + R"(,"parent":43,"command":"a\"b"})" +
            "\n");
  CHECK(line_of(event_of(ProviderEventKind::kFork)) ==
        R"({"event":"fork")" + head + R"(,"child":43})" + "\n");
  CHECK(line_of(event_of(ProviderEventKind::kExec)) ==
        R"({"event":"exec")" + head + R"(,"command":"a\"b"})" + "\n");
  CHECK(line_of(event_of(ProviderEventKind::kExit)) ==
        R"({"event":"exit")" + head +
            R"(,"command":"a\"b","exit_code":3,"signal":null})" + "\n");
  CHECK(line_of(event_of(ProviderEventKind::kDetach)) ==
        R"({"event":"detach")" + head + "}\n");
}

TEST_CASE("what is not known is null") {
  ProviderEvent event = event_of(ProviderEventKind::kExit);
  event.jid = core::kNoJob;
  event.pid = core::Pid();
  event.command = {};
  event.status.reset();
  CHECK(line_of(event) ==
        R"({"event":"exit","number":9,"time_us":5,"aggregate":"0xff",)"
        R"("jid":null,"pid":null,"command":null,"exit_code":null,)"
        R"("signal":null})"
        "\n");
  event.status = 9;
  CHECK(line_of(event).find(R"("exit_code":null,"signal":"SIGKILL")") !=
        std::string::npos);
}

TEST_CASE("a job's line says how it ended, once it has") {
  core::Job job;
  job.jid = core::JobId(0x12);
  job.state = core::JobState::kRunning;
  const auto text = [&job] {
    return std::string(
        core::provider_line(1, 7, core::RealTime(5), job).view());
  };
  CHECK(text().find(R"("state":"running")") != std::string::npos);
  CHECK(text().find("exit_code") == std::string::npos);
  job.state = core::JobState::kEnded;
  job.result.reason = core::Reason::kExited;
  job.result.has_status = true;
  job.result.wait_status = 4 << 8;
  CHECK(text().find(R"("exit_code":4)") != std::string::npos);
}

TEST_CASE("words of events and sources are read as they are written") {
  for (unsigned i = 0; i <= static_cast<unsigned>(ProviderEventKind::kLast);
       ++i) {
    const auto kind = static_cast<ProviderEventKind>(i);
    CHECK(core::parse_provider_event(name_of(kind)) == kind);
    CHECK(ProviderEvents::all().has(kind));
    ProviderEvents one;
    one.add(kind);
    CHECK(one.needs_source() == (kind == ProviderEventKind::kFork ||
                                 kind == ProviderEventKind::kExec ||
                                 kind == ProviderEventKind::kExit));
  }
  CHECK(!core::parse_provider_event("forks"));
  CHECK(core::parse_event_source("proc-connector") ==
        core::EventSource::kConnector);
  CHECK(!core::parse_event_source("auto"));
  CHECK(
      core::provider_begin_line("x", core::EventSource::kNone, "why").view() ==
      R"({"event":"begin","format":1,"provider":"x","source":"none",)"
      R"("why":"why"})"
      "\n");
}

}  // namespace
