// SPDX-License-Identifier: Apache-2.0
#include "cli/scope_command.h"

#include <algorithm>

#include <doctest/doctest.h>

using Texts = std::vector<std::string>;

TEST_CASE("record mode says only what differs from the scope's defaults") {
  cli::RunRequest request;
  request.spec.argv = {"make", "-j4"};
  cli::ScopeSetting setting;
  setting.mode = cli::Recorded{.pacct = "/p", .cgroup_base = {}, .engine = {}};
  CHECK(cli::scope_words("/x/corral-init", request, setting) ==
        Texts{"/x/corral-init", "--record", "/p", "--reraise", "--", "make",
              "-j4"});
}

TEST_CASE("everything that was asked for is passed on") {
  cli::RunRequest request;
  request.spec.argv = {"x"};
  request.spec.name = "web";
  request.spec.stragglers = core::Stragglers::kKill;
  request.spec.kill_plan = {.first_signal = core::SignalNumber(1),
                            .grace = core::Microseconds(1500)};
  request.spec.limits.wall_time = core::seconds(30);
  request.report = cli::ReportForm::kJson;
  request.cwd = "/d";
  cli::ScopeSetting setting;
  setting.mode = cli::Recorded{
      .pacct = "/p", .cgroup_base = "/c", .engine = core::Engine::kSubreaper};
  setting.identity = cli::Identity{.uid = core::Uid(7),
                                   .gid = core::Gid(8),
                                   .groups = {core::Gid(8), core::Gid(9)}};
  setting.report_fd = 2;
  CHECK(cli::scope_words("i", request, setting) == Texts{"i",
                                                         "--record",
                                                         "/p",
                                                         "--cgroup-base",
                                                         "/c",
                                                         "--engine",
                                                         "subreaper",
                                                         "--name",
                                                         "web",
                                                         "--reraise",
                                                         "--stragglers",
                                                         "kill",
                                                         "--grace",
                                                         "2",
                                                         "--signal",
                                                         "SIGHUP",
                                                         "--limit",
                                                         "wall=30000000us",
                                                         "--strict-limits",
                                                         "--report-json",
                                                         "2",
                                                         "--uid",
                                                         "7",
                                                         "--gid",
                                                         "8",
                                                         "--groups",
                                                         "8,9",
                                                         "--cwd",
                                                         "/d",
                                                         "--",
                                                         "x"});
}

TEST_CASE("a supervised scope gets its link and its container") {
  cli::RunRequest request;
  request.spec.argv = {"x"};
  request.report = cli::ReportForm::kText;
  cli::ScopeSetting setting;
  setting.mode = cli::Supervised{.jid = core::JobId(0x8000000100000003),
                                 .engine = core::Engine::kCgroup2,
                                 .link = 5,
                                 .container = 6,
                                 .joins = {7, 8},
                                 .limits = {}};
  // What the supervisor holds is not the scope's.
  request.spec.limits.memory = core::Bytes(1);
  CHECK(cli::scope_words("i", request, setting) ==
        Texts{"i", "--scope", "5", "--cgroup-fd", "6", "--join-fd", "7",
              "--join-fd", "8", "--jid", "8000000100000003", "--engine",
              "cgroup2", "--reraise", "--", "x"});
  std::get<cli::Supervised>(setting.mode).limits.open_files = 9;
  const Texts words = cli::scope_words("i", request, setting);
  CHECK(std::ranges::find(words, "files=9") != words.end());
}
