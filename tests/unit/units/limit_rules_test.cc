// SPDX-License-Identifier: Apache-2.0
#include "units/limit_rules.h"

#include <doctest/doctest.h>

namespace {

using core::LimitKind;

constexpr const char* kSite = R"([default]
processes = 4096
memory = "64G"

[domain.interactive]
wall = "12h"

[group.students]
memory = "4G"
[group.staff]
memory = "32G"
[group.students.batch]
cpu = "10h"

[user.carol]
memory = "none"

[user.alice]
wall = "1d"
[user.alice.batch]
wall = "2d"

[project.physics]
wall = "3d"
cpu = "20h"
)";

std::vector<core::LimitRule> site() {
  auto rules = units::read_limit_rules(kSite, "limits.toml");
  REQUIRE(rules);
  return *rules;
}

struct Case {
  const char* what;
  core::LimitSubject who;
  LimitKind kind;
  const char* table;  ///< null: no rule
  std::uint32_t line;
};

TEST_CASE("the most particular rule that names a limit decides") {
  const auto rules = site();
  const Case cases[] = {
      {"the default",
       {"bob", {"users"}, "batch", {}},
       LimitKind::kProcesses,
       "default",
       2},
      {"no rule",
       {"bob", {"users"}, "batch", {}},
       LimitKind::kWallTime,
       nullptr,
       0},
      {"a domain",
       {"bob", {}, "interactive", {}},
       LimitKind::kWallTime,
       "domain.interactive",
       6},
      {"a group before the default",
       {"bob", {"students"}, "batch", {}},
       LimitKind::kMemory,
       "group.students",
       9},
      {"of two groups the first of the file",
       {"bob", {"staff", "students"}, "", {}},
       LimitKind::kMemory,
       "group.students",
       9},
      {"a group in a domain",
       {"bob", {"students"}, "batch", {}},
       LimitKind::kCpuTime,
       "group.students.batch",
       13},
      {"not in another",
       {"bob", {"students"}, "service", {}},
       LimitKind::kCpuTime,
       nullptr,
       0},
      {"a user before a group",
       {"carol", {"students"}, "batch", {}},
       LimitKind::kMemory,
       "user.carol",
       16},
      {"a user",
       {"alice", {"students"}, "interactive", {}},
       LimitKind::kWallTime,
       "user.alice",
       19},
      {"a user in a domain",
       {"alice", {}, "batch", {}},
       LimitKind::kWallTime,
       "user.alice.batch",
       21},
      {"a project before a group",
       {"bob", {"students"}, "batch", "physics"},
       LimitKind::kCpuTime,
       "project.physics",
       25},
      {"a user before a project",
       {"alice", {}, "batch", "physics"},
       LimitKind::kWallTime,
       "user.alice.batch",
       21},
      {"another project",
       {"bob", {}, "batch", "chemistry"},
       LimitKind::kWallTime,
       nullptr,
       0},
      {"for each limit by itself",
       {"alice", {"students"}, "batch", {}},
       LimitKind::kMemory,
       "group.students",
       9},
  };
  for (const Case& one : cases) {
    CAPTURE(one.what);
    const auto* const rule = core::deciding_rule(rules, one.kind, one.who);
    REQUIRE((rule != nullptr) == (one.table != nullptr));
    if (rule == nullptr) continue;
    CHECK(units::table_of(*rule) == one.table);
    CHECK(rule->line == one.line);
  }
}

TEST_CASE("of all groups those in the domain go first, then the file's order") {
  const auto files = [](const char* text, std::vector<std::string> groups,
                        const char* domain) {
    const auto rules = units::read_limit_rules(text, "l.toml");
    REQUIRE(rules);
    return core::allowed_limits(*rules, {"x", std::move(groups), domain, {}})
        .limits.open_files;
  };
  const char* const in_one_line =
      "group = {b = {files = 7}, a = {files = 5}}\n";
  CHECK(files(in_one_line, {"a", "b"}, "") == 7);
  const char* const in_tables =
      "[group.b]\nfiles = 7\n[group.a]\nfiles = 5\n"
      "[group.c.batch]\nfiles = 9\n[group.d]\n";
  CHECK(files(in_tables, {"a", "b", "c"}, "") == 7);
  CHECK(files(in_tables, {"a", "b", "c"}, "batch") == 9);
}

TEST_CASE("all limits together; none takes an outer one away") {
  const auto rules = site();
  const auto student =
      core::allowed_limits(rules, {"bob", {"students"}, "batch", {}});
  CHECK(student.limits.memory->raw() == 4ULL << 30U);
  CHECK(student.limits.cpu_time->raw() == 36'000'000'000);
  CHECK(student.limits.processes == 4096);
  CHECK_FALSE(student.limits.wall_time);
  CHECK_FALSE(core::allowed_limits(rules, {"carol", {"students"}, "", {}})
                  .limits.memory);
}

TEST_CASE("a rule has a soft bound and says what is done") {
  const auto rules = units::read_limit_rules(
      "[default]\ncpu = \"1h:2h/signal=USR1/grace=9s\"\nidle = \"30m\"\n"
      "core = 0\n",
      "l.toml");
  REQUIRE(rules);
  const auto allowed = core::allowed_limits(*rules, {"bob", {}, "", {}});
  const auto cpu =
      core::terms_of(allowed.limits, allowed.terms, LimitKind::kCpuTime);
  CHECK(cpu.soft == 3'600'000'000U);
  CHECK(cpu.bound == 7'200'000'000U);
  CHECK(cpu.signal == core::SignalNumber(10));
  CHECK(cpu.grace == core::seconds(9));
  CHECK(core::bound_of(allowed.limits, allowed.terms, LimitKind::kIdleTime) ==
        1'800'000'000U);
  CHECK(core::bound_of(allowed.limits, allowed.terms, LimitKind::kCoreSize) ==
        0U);

  // Who asks for nothing gets it as it is, who asks for less keeps that.
  core::JobLimits limits;
  core::TermsList terms;
  core::set_terms(limits, terms,
                  {.kind = LimitKind::kIdleTime, .bound = 60'000'000});
  CHECK_FALSE(core::bound_by(limits, terms, allowed));
  CHECK(core::terms_of(limits, terms, LimitKind::kCpuTime) == cpu);
  CHECK(core::bound_of(limits, terms, LimitKind::kIdleTime) == 60'000'000U);
  // A soft bound alone does not do without the site's hard one.
  core::set_terms(limits, terms,
                  {.kind = LimitKind::kIdleTime, .soft = 3'600'000'000});
  CHECK_FALSE(core::bound_by(limits, terms, allowed));
  const auto idle = core::terms_of(limits, terms, LimitKind::kIdleTime);
  CHECK(idle.bound == 1'800'000'000U);
  CHECK(idle.soft == 1'800'000'000U);
  core::set_terms(limits, terms,
                  {.kind = LimitKind::kIdleTime, .bound = 1'800'000'001});
  CHECK(core::bound_by(limits, terms, allowed) == LimitKind::kIdleTime);
}

TEST_CASE(
    "a bad line is told with file, line, key, value and what was expected") {
  const std::pair<const char*, const char*> cases[] = {
      {"[default]\nmemory = \"4 GB\"\n",
       "l.toml:2: default.memory: the value is '4 GB', expected a size such as "
       "\"512M\" or \"4G\", two as \"SOFT:HARD\" (limits.toml(5)), or "
       "\"none\""},
      {"[default]\n\nwall = 30\n",
       "l.toml:3: default.wall: the value is 30, expected a time such as "
       "\"30s\" or \"8h\", two as \"SOFT:HARD\""},
      {"[default]\nprocesses = 0\n",
       "l.toml:2: default.processes: the value is 0, expected a number from "
       "1 to "},
      {"[default]\nprocesses = 5000000\n",
       "l.toml:2: default.processes: the value is 5000000, expected a "
       "number from 1 to 4194304, two as"},
      {"[default]\nfiles = true\n",
       "l.toml:2: default.files: the value is true, expected a number from "
       "1 to "},
      {"[user.bob]\nram = \"1G\"\n",
       "l.toml:2: user.bob.ram: there is no such limit, expected one of wall, "
       "cpu, memory, processes, files"},
      {"[default]\ncpu-rate = \"x\"\n",
       "l.toml:2: default.cpu-rate: the value is 'x', expected a part of one "
       "processor such as"},
      {"[default]\ncpu-set = \"64\"\n",
       "l.toml:2: default.cpu-set: the value is '64', expected processors such "
       "as \"0-2+5\", 0 to 63"},
      {"wall = \"1h\"\n",
       "l.toml:1: wall: no limit stands there, expected it in a table "
       "[default]"},
      {"[users.bob]\nwall = \"1h\"\n",
       "l.toml:2: users.bob.wall: no limit stands there"},
      {"[user]\nwall = \"1h\"\n", "l.toml:2: user.wall: no limit stands there"},
      {"[domain.batch.more]\nwall = \"1h\"\n",
       "l.toml:2: domain.batch.more.wall: no limit stands there"},
      {"[default]\nwall = \n", "l.toml:2: this is no TOML: "},
      {"[user.65534]\nwall = '1h'\n",
       "l.toml:2: user.65534.wall: '65534' is a number, expected a name"},
      {"", "l.toml: nothing stands in it, expected a rule"},
      {"[users]\n", "l.toml:1: users: no limit stands there"},
      {"[user.\"\"]\nwall = \"1h\"\n",
       "l.toml:2: user.\"\".wall: a name is empty"},
      {"[default]\ncpu = \"2h:1h\"\n",
       "l.toml:2: default.cpu: the value is '2h:1h': the soft bound '2h' of "
       "'cpu' is above the hard one, '1h'"},
      {"[default]\ncpu = \"1h:2h/sig=USR1\"\n",
       "l.toml:2: default.cpu: the value is '1h:2h/sig=USR1': "},
      {"[default]\nthreads = \"10:20\"\n",
       "l.toml:2: default.threads: the value is '10:20', and 'threads' has no "
       "soft bound: the kernel tells nobody how many there are; expected a "
       "number from 1 to 4194304, or \"none\""},
      {"[default]\nwall = 1.5\n",
       "l.toml:2: default.wall: the value is 1.5, expected a time"},
  };
  for (const auto& [text, error] : cases) {
    CAPTURE(text);
    const auto rules = units::read_limit_rules(text, "l.toml");
    REQUIRE_FALSE(rules);
    CHECK_MESSAGE(rules.error().starts_with(error), rules.error());
  }
}

}  // namespace
