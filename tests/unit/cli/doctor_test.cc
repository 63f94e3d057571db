// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <doctest/doctest.h>

#include "cli/doctor_checks.h"

namespace {

cli::Findings healthy() {
  cli::Findings findings;
  findings.facts = {.has_cgroup2 = true,
                    .cgroup2_is_writable = true,
                    .has_cgroup_kill = true};
  findings.choice = core::choose_engine(findings.facts);
  findings.programs = {.init = "/x/corral-init",
                       .reaper = "/x/corral-reaper",
                       .supervisor = "/x/corrald"};
  findings.instances.push_back({.kind = sys::InstanceKind::kSystem,
                                .socket = "/run/corral/private",
                                .is_running = false,
                                .view = std::nullopt,
                                .problem = {},
                                .stopped = {}});
  findings.pacct = "/p";
  return findings;
}

const cli::Check& named(const std::vector<cli::Check>& checks,
                        std::string_view name) {
  for (const cli::Check& check : checks)
    if (check.name == name) return check;
  FAIL("no such check");
  return checks.front();
}

}  // namespace

TEST_CASE("a healthy host has no problem") {
  for (const cli::Check& check : cli::judge(healthy()))
    CHECK(check.status != cli::CheckStatus::kProblem);
}

TEST_CASE("hierarchies are told with their controllers and owners") {
  cli::Findings findings = healthy();
  findings.hierarchies = {
      {.where = {.version = 1,
                 .controllers = {"cpu", "cpuacct"},
                 .mount = "/c/cpu",
                 .own = "/c/cpu/x"},
       .owner = "root",
       .is_writable = false},
      {.where = {.version = 1, .name = "systemd", .mount = "/c/systemd"}},
      {.where = {.version = 2, .mount = "/c/unified", .own = "/c/unified/y"},
       .owner = "ann",
       .is_writable = true}};
  std::vector<std::string> told;
  for (const cli::Check& check : cli::judge(findings))
    if (check.name == "cgroups") told.push_back(check.finding);
  CHECK(told == std::vector<std::string>{
                    "cpu+cpuacct, of version 1: '/c/cpu/x' is owned by root, "
                    "and not for us to write",
                    "name=systemd, of version 1: our own cgroup is not seen at "
                    "'/c/systemd'",
                    "no controller, of version 2: '/c/unified/y' is owned by "
                    "ann"});
}

TEST_CASE("each problem comes with its fix") {
  struct Case {
    const char* name;
    void (*spoil)(cli::Findings&);
  };
  const Case cases[] = {
      {"corral-init", [](cli::Findings& f) { f.programs.init.reset(); }},
      {"corral-reaper", [](cli::Findings& f) { f.programs.reaper.reset(); }},
      {"corrald", [](cli::Findings& f) { f.programs.supervisor.reset(); }},
      {"libsystemd", [](cli::Findings& f) { f.bus_problem = "gone"; }},
      {"runtime",
       [](cli::Findings& f) {
         f.runtime_fault = {.found = "mode 0755", .fix = "'chmod' mends it"};
       }},
      {"environment",
       [](cli::Findings& f) {
         f.variable_faults = {{.found = "'X' is 'x'", .expected = "a path"}};
       }},
      {"accounting", [](cli::Findings& f) { f.pacct_problem = "full"; }},
      {"site limits",
       [](cli::Findings& f) {
         f.site = {.file = "/l", .rules = 0, .problem = "/l:1: wrong"};
       }},
      {"site settings",
       [](cli::Findings& f) {
         f.settings = {{.file = "/s", .faults = {"/s:1: wrong"}}};
       }},
      {"events",
       [](cli::Findings& f) {
         f.events_asked = "ebpf";
         f.ebpf_problem = "no BTF";
       }},
      {"engine",
       [](cli::Findings& f) {
         f.facts.base_is_elsewhere = true;
         f.choice = core::choose_engine(f.facts);
       }},
      {"system", [](cli::Findings& f) { f.instances[0].is_running = true; }},
      {"records",
       [](cli::Findings& f) {
         f.instances[0].is_running = true;
         f.instances[0].view.emplace().records_lost = 1;
       }},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    cli::Findings findings = healthy();
    c.spoil(findings);
    const auto checks = cli::judge(findings);
    const cli::Check& check = named(checks, c.name);
    CHECK(check.status == cli::CheckStatus::kProblem);
    CHECK_FALSE(check.fix.empty());
  }
}

TEST_CASE("what the kernel does not count is said, with what mends it") {
  cli::Findings findings = healthy();
  const auto delays = [&findings] {
    return named(cli::judge(findings), "delays");
  };
  CHECK(delays().status == cli::CheckStatus::kNote);
  CHECK(delays().fix.contains("sysctl kernel.task_delayacct=1"));
  findings.counts_delays = true;
  CHECK(delays().status == cli::CheckStatus::kOk);
  findings.ebpf_problem = "no BTF";
  CHECK(delays().status == cli::CheckStatus::kOk);
  findings.taskstats_problem = "it takes root";
  CHECK(delays().fix.empty());
  CHECK(delays().finding.contains("no collector"));
}

TEST_CASE("the weaker engine is a note with a fix, not a problem") {
  cli::Findings findings = healthy();
  findings.facts.cgroup2_is_writable = false;
  findings.choice = core::choose_engine(findings.facts);
  const auto checks = cli::judge(findings);
  CHECK(named(checks, "engine").status == cli::CheckStatus::kNote);
  CHECK(named(checks, "engine").fix.contains("Delegate=yes"));
}

TEST_CASE("beside an instance that runs its other places are not told") {
  cli::Findings findings = healthy();
  for (const bool is_running : {false, true})
    findings.instances.push_back({.kind = sys::InstanceKind::kPrivate,
                                  .socket = is_running ? "/b" : "/a",
                                  .is_running = is_running,
                                  .view = std::nullopt,
                                  .problem = {},
                                  .stopped = {}});
  const auto count = [&findings](std::string_view name) {
    return std::ranges::count(cli::judge(findings), name, &cli::Check::name);
  };
  CHECK(count("private") == 1);
  CHECK(count("system") == 1);
  findings.instances.back().is_running = false;
  CHECK(count("private") == 2);
}

TEST_CASE(
    "the best source of events that works is named, and why none better") {
  const auto said = [](const char* asked, const char* ebpf,
                       const char* connector) {
    cli::Findings findings = healthy();
    findings.events_asked = asked;
    findings.ebpf_problem = ebpf;
    findings.connector_problem = connector;
    return named(cli::judge(findings), "events").finding;
  };
  CHECK(said("", "", "").starts_with("ebpf: "));
  CHECK(said("auto", "no BTF", "").starts_with("proc-connector: "));
  CHECK(said("auto", "no BTF", "").ends_with("; not ebpf: no BTF"));
  CHECK(said("", "no BTF", "EPERM").starts_with("none: "));
  CHECK(said("none", "", "")
            .ends_with(
                "; not ebpf: CORRAL_EVENT_SOURCE says so; not proc-connector: "
                "CORRAL_EVENT_SOURCE says so"));
  CHECK(said("proc-connector", "", "").starts_with("proc-connector: "));
}
