// SPDX-License-Identifier: Apache-2.0
// corral.toml: what it says, and that each fault is told with its place.
#include "units/site_settings.h"

#include <doctest/doctest.h>

namespace {

using units::parse_site_settings;

std::vector<std::string> faults_of(std::string_view text) {
  const auto settings = parse_site_settings(text, "corral.toml");
  return settings ? std::vector<std::string>() : settings.error();
}

}  // namespace

TEST_CASE("an empty file is the usual settings") {
  const auto settings = parse_site_settings("# nothing\n", "f");
  REQUIRE(settings);
  CHECK(settings->operators.empty());
  CHECK(settings->remember == 1000);
  CHECK(settings->remember_for == core::seconds(3600));
}

TEST_CASE("everything can be said") {
  const auto settings = parse_site_settings(
      "[authority]\n"
      "operators = ['wheel', '50']\n"
      "schedulers = [\"slurm\"]\n"
      "[jobs]\n"
      "remember = 0\n"
      "remember_for = '1h30m'\n"
      "live = 5\n"
      "live_of_user = 4\n"
      "[accounting]\n"
      "collector = 'wait'\n"
      "ring = '2M'\n"
      "keep_for = '90d'\n"
      "switch_size = '100M'\nswitch_every = '1d'\nleast_free = '2M'\n"
      "keep_size = '10G'\n",
      "f");
  REQUIRE(settings);
  CHECK(settings->operators == std::vector<std::string>{"wheel", "50"});
  CHECK(settings->schedulers == std::vector<std::string>{"slurm"});
  CHECK(settings->remember == 0);
  CHECK(settings->remember_for == core::seconds(5400));
  CHECK(settings->live == 5);
  CHECK(settings->live_of_user == 4);
  CHECK(settings->collector == core::Collector::kWait);
  CHECK(settings->ring == std::uint64_t{2} << 20U);
  CHECK(settings->keep_for == core::seconds(90 * 86400));
  CHECK(settings->file_rules == core::FileRules{.most_bytes = 100 << 20,
                                                .longest = core::seconds(86400),
                                                .least_free = 2 << 20});
  CHECK(settings->keep_size == std::uint64_t{10} << 30U);
}

TEST_CASE("a fault names file, line, key, value and what was expected") {
  struct Row {
    const char* text;
    const char* fault;
  };
  const Row rows[] = {
      {"[jobs]\n\nremember = 'many'\n",
       "corral.toml:3: jobs.remember: the value is 'many', expected a number "
       "from 0 to 1000000"},
      {"[jobs]\nremember = -1\n",
       "corral.toml:2: jobs.remember: the value is -1, expected a number from "
       "0 "
       "to 1000000"},
      {"[jobs]\nremember_for = 5\n",
       "corral.toml:2: jobs.remember_for: the value is 5, expected a duration "
       "such as \"90s\", \"1h\" or \"2d\""},
      {"[authority]\noperators = 'wheel'\n",
       "corral.toml:2: authority.operators: the value is 'wheel', expected an "
       "array of groups, by names or numbers, as in [\"wheel\", \"50\"]"},
      {"[authority]\nschedulers = ['a', '4294967295']\n",
       "corral.toml:2: authority.schedulers: the value is ['a', '4294967295'], "
       "expected an array of users, by names or numbers, as in [\"slurm\", "
       "\"64030\"]"},
      {"[accounting]\ncollector = 'acct'\n",
       "corral.toml:2: accounting.collector: the value is 'acct', expected "
       "\"auto\", \"ebpf\", \"taskstats\" or \"wait\""},
      {"[colours]\nx = 1\n",
       "corral.toml:2: colours.x: there is no such key, expected one of "
       "authority.operators, authority.schedulers, jobs.remember, "
       "jobs.remember_for, jobs.live, jobs.live_of_user, accounting.collector, "
       "accounting.ring, accounting.keep_for, accounting.keep_size, "
       "accounting.switch_size, accounting.switch_every, "
       "accounting.least_free, or one of a table [project.NAME]"},
      {"[accounting]\nswitch_size = '63K'\n",
       "corral.toml:2: accounting.switch_size: the value is '63K', expected a "
       "size of at least \"64K\", as in \"100M\""},
      {"[accounting]\nswitch_every = '500ms'\n",
       "corral.toml:2: accounting.switch_every: the value is '500ms', expected "
       "a duration of at least \"1s\", as in \"1d\""},
      {"[accounting]\nleast_free = 200\n",
       "corral.toml:2: accounting.least_free: the value is 200, expected a "
       "size "
       "above 0, as in \"200M\""},
      {"[accounting]\nring = '3M'\n",
       "corral.toml:2: accounting.ring: the value is '3M', expected a power of "
       "two from \"1M\" to \"1G\", as in \"64M\""},
      {"[project.x]\nid = 0\n",
       "corral.toml:2: project.x.id: the value is 0, expected a number from 1 "
       "to 2147483647"},
      {"[project.x]\nowner = 'a'\n",
       "corral.toml:2: project.x.owner: there is no such key of a project, "
       "expected 'id', 'users', 'groups', 'accounts', 'usual_users', "
       "'usual_groups', 'operators' or 'operator_groups'"},
      {"[project.x]\naccounts = ['a b']\n",
       "corral.toml:2: project.x.accounts: the value is ['a b'], expected an "
       "array of words of at most 64 letters, digits and _.@/+-"},
      {"[project.'a b']\nid = 1\n",
       "corral.toml:2: project.\"a b\".id: the project's name is 'a b', "
       "expected "
       "1 to 64 letters, digits and _.@/+-, not beginning with -"},
  };
  for (const Row& row : rows) {
    const auto faults = faults_of(row.text);
    REQUIRE(faults.size() == 1);
    CHECK(faults[0] == row.fault);
  }
}

TEST_CASE("projects stand in the order of the file, also without a key") {
  const auto settings = parse_site_settings(
      "[project.physics]\n"
      "id = 4711\n"
      "users = ['alice', '1000']\n"
      "groups = ['phys']\n"
      "accounts = ['grant']\n"
      "usual_users = ['1000']\nusual_groups = ['staff']\n"
      "operators = ['ann', '7']\noperator_groups = ['ops']\n"
      "[project.none]\n",
      "f");
  REQUIRE(settings);
  REQUIRE(settings->projects.size() == 2);
  const units::ProjectSettings& physics = settings->projects[0];
  CHECK(physics.name == "physics");
  CHECK(physics.id == 4711);
  CHECK(physics.users == std::vector<std::string>{"alice", "1000"});
  CHECK(physics.groups == std::vector<std::string>{"phys"});
  CHECK(physics.accounts == std::vector<std::string>{"grant"});
  CHECK(physics.usual_users == std::vector<std::string>{"1000"});
  CHECK(physics.usual_groups == std::vector<std::string>{"staff"});
  CHECK(physics.operators == std::vector<std::string>{"ann", "7"});
  CHECK(physics.operator_groups == std::vector<std::string>{"ops"});
  CHECK(settings->projects[1].name == "none");
  CHECK(settings->projects[1].users.empty());
}

TEST_CASE("all faults are told at once; what is no TOML is told by its line") {
  CHECK(faults_of("[jobs]\nlive = 0\nlive_of_user = 'x'\n").size() == 2);
  const auto faults = faults_of("[jobs]\nlive = = 1\n");
  REQUIRE(faults.size() == 1);
  CHECK(faults[0].starts_with("corral.toml:2: "));
}
