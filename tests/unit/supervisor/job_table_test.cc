// SPDX-License-Identifier: Apache-2.0
// What the table finds, and when it forgets.
#include "supervisor/job_table.h"

#include <doctest/doctest.h>

namespace {

using core::JobId;
using core::Uid;
using supervisor::JobTable;

core::Job job_of(std::uint64_t jid, const char* name, const char* token) {
  core::Job job;
  job.jid = JobId(jid);
  job.owner = Uid(1000);
  job.spec.name = name;
  job.spec.token = token;
  job.state = core::JobState::kRunning;
  return job;
}

void end(JobTable& table, std::uint64_t jid, std::uint64_t seconds) {
  auto* const entry = table.find(JobId(jid));
  REQUIRE(entry != nullptr);
  core::Job job = entry->job;
  job.state = core::JobState::kEnded;
  job.ended.boot = core::BootTime() + core::seconds(seconds);
  table.update(*entry, std::move(job), 99);
}

TEST_CASE("names are of live jobs, tokens of remembered ones too") {
  JobTable table;
  table.insert(job_of(1, "a", "t"), 1);
  CHECK(table.find_live_name(Uid(1000), "a") == JobId(1));
  CHECK_FALSE(table.find_live_name(Uid(1001), "a"));
  CHECK_FALSE(table.find_live_name(Uid(1000), ""));
  CHECK(table.live_count_of(Uid(1000)) == 1);
  end(table, 1, 10);
  CHECK_FALSE(table.find_live_name(Uid(1000), "a"));
  CHECK(table.find_token(Uid(1000), "t") != nullptr);
  CHECK(table.live_count() == 0);
  CHECK(table.live_count_of(Uid(1000)) == 0);
  CHECK(table.find(JobId(1))->state_entry == 99);
}

TEST_CASE("a younger job keeps the name that an older one had") {
  JobTable table;
  table.insert(job_of(1, "a", ""), 1);
  end(table, 1, 10);
  table.insert(job_of(2, "a", ""), 2);
  CHECK(table.find_live_name(Uid(1000), "a") == JobId(2));
  table.forget_old(core::BootTime() + core::seconds(8000));
  CHECK(table.find(JobId(1)) == nullptr);
  CHECK(table.find_live_name(Uid(1000), "a") == JobId(2));
}

TEST_CASE("a promised job has its name, its token and its place, once") {
  JobTable table;
  const core::Job job = job_of(1, "a", "t");
  table.promise(job.jid, job.owner, job.spec);
  table.promise(job.jid, job.owner, job.spec);
  CHECK(table.find_live_name(Uid(1000), "a") == JobId(1));
  CHECK(table.promised_token(Uid(1000), "t") == JobId(1));
  CHECK(table.find_token(Uid(1000), "t") == nullptr);
  CHECK(table.promised_count() == 1);
  CHECK(table.live_count_of(Uid(1000)) == 1);
  CHECK(table.live_count() == 0);
  table.insert(job, 1);
  CHECK(table.promised_count() == 0);
  CHECK(table.live_count_of(Uid(1000)) == 1);
  CHECK_FALSE(table.promised_token(Uid(1000), "t"));
  CHECK(table.find_token(Uid(1000), "t") != nullptr);
  end(table, 1, 10);
  CHECK(table.live_count_of(Uid(1000)) == 0);
}

TEST_CASE("ended jobs are forgotten by number and by age, live ones never") {
  JobTable table;
  table.insert(job_of(1, "", ""), 1);
  for (std::uint64_t i = 2; i < 2 + supervisor::Remembering().most + 50; ++i) {
    table.insert(job_of(i, "", "t"), i);
    end(table, i, i);
  }
  table.forget_old(core::BootTime() + core::seconds(2000));
  CHECK(table.remembered_count() == supervisor::Remembering().most);
  CHECK(table.find(JobId(51)) == nullptr);
  CHECK(table.find(JobId(52)) != nullptr);
  CHECK(table.find(JobId(1)) != nullptr);
  table.forget_old(core::BootTime() + core::seconds(1000) +
                   supervisor::Remembering().within);
  CHECK(table.find(JobId(1000)) == nullptr);
  CHECK(table.find(JobId(1001)) != nullptr);
  table.forget_old(core::BootTime() + core::seconds(999999));
  CHECK(table.remembered_count() == 0);
  CHECK(table.live_count() == 1);
  CHECK(table.find_token(Uid(1000), "t") == nullptr);
}

}  // namespace
